#!/usr/bin/env python3
"""Triages a list of bundles on Apache Spark: one row of Parquet each, whatever becomes of it. README.md tells how.

Spark hands out parts of the list and kcdoctor reads the bundles; nothing is judged or distributed here. A part whose lines
are not exactly those of its bundles is a failed task, which Spark tries again. At the end the rows are read back and counted.
Exit status: 0 one row for each bundle, 1 otherwise.
"""

import argparse
import json
import os
import subprocess
import sys

from pyspark import SparkFiles
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

# One row. `line` is the whole line as kcdoctor wrote it; the others are what one asks for first.
SCHEMA = (
    "number long, ticket string, path string, status string, error_code string, error string, cause string, family string, "
    "level string, confidence double, trigger string, signature string, last_success string, first_failure string, "
    "hash string, bytes long, records long, line string"
)
SPACE = b" \t\r\n\f"


def bundles(raw):
    """The lines of a list, numbered; blank ones are none. As `kcdoctor triage -` reads it."""
    lines = (line.rstrip(b"\r") for line in raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return list(enumerate(line for line in lines if any(columns(line))))


def columns(line):
    """The path and the ticket, which may be empty; columns behind it are somebody else's."""
    path, ticket, *_ = *line.split(b"\t", 2), b""
    return path, ticket.strip(SPACE)


def triage(program, options):
    """What a task does: a part of the list in, rows out."""

    def rows(part):
        part = list(part)
        if not part:
            return []
        # Files that Spark brings along are found by their name.
        path = program if os.path.isabs(program) else SparkFiles.get(program)
        # One core is what a task has. A bundle that takes its worker down must not take the task with it.
        command = [path, "triage", "-", "--isolate", "--processes", "1", "--threads", "1", "--quiet", "--no-progress"]
        listed = b"".join(line + b"\n" for _, line in part)
        done = subprocess.run(command + options, input=listed, stdout=subprocess.PIPE, check=True)
        return checked(part, lines(done.stdout))

    return rows


def lines(raw):
    """Whole lines as text. A ticket may hold what Python takes for the end of a line as well, such as U+2028."""
    return [line.decode("utf-8") for line in raw.split(b"\n")[:-1]]


def checked(part, lines):
    """Lines as rows, if they are those of this part: each in its place."""
    if len(lines) != len(part):
        raise RuntimeError(f"{len(part)} bundles gave {len(lines)} lines")
    return [row(number, listed, line) for (number, listed), line in zip(part, lines)]


def row(number, listed, text):
    line = json.loads(text)
    path, ticket = columns(listed)
    if line["path"] != path.decode("utf-8", "replace") or ticket and line["ticket"] != ticket.decode("utf-8", "replace"):
        raise RuntimeError(f"line {number} of the list is {listed!r}, and the answer is about {line['path']!r}")
    verdict, onset = line["verdict"] or {}, line["onset"] or {}
    return (
        number, line["ticket"], line["path"], line["status"], line["error_code"], line["error"], verdict.get("cause"),
        verdict.get("family"), verdict.get("level"), verdict.get("confidence"), verdict.get("trigger"), line["signature"],
        onset.get("last_success"), onset.get("first_failure"), line["hash"], line["bytes"], line["records"], text,
    )  # fmt: skip


def missing(spark, output, count):
    """What is wrong with the rows that were written, or nothing. Each row was held against its line of the list already."""
    written = spark.read.schema(SCHEMA).parquet(output)
    number = F.col("number")
    rows, numbers, last = written.agg(F.count("*"), F.countDistinct(number), F.max(number)).first()
    if (rows, numbers, last) != (count, count, count - 1):
        return f"{count} bundles, and {rows} rows of {numbers} bundles in {output}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kcdoctor", required=True, help="the program: its path on every node, or its name in --files")
    parser.add_argument("--list", required=True, help="URI of the list: a path, or a path, a tab and the ticket, a line")
    parser.add_argument("--output", required=True, help="URI of the Parquet; what is there is replaced")
    parser.add_argument("--bundles-per-task", type=int, default=100, metavar="N")
    parser.add_argument("options", nargs="*", help="behind --: options of kcdoctor triage, such as --memory 2G --timeout 5m")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("kcdoctor triage").getOrCreate()
    try:
        # As bytes: a path need not be text.
        listed = bundles(bytes(spark.sparkContext.binaryFiles(arguments.list).values().first()))
        if not listed:
            sys.exit("the list is empty; put a path into each line")
        parts = -(-len(listed) // arguments.bundles_per_task)
        rows = spark.sparkContext.parallelize(listed, parts).mapPartitions(triage(arguments.kcdoctor, arguments.options))
        # A task's file counts only when its one attempt is committed, so neither retries nor speculation duplicate rows.
        spark.createDataFrame(rows, SCHEMA).write.mode("overwrite").parquet(arguments.output)
        wrong = missing(spark, arguments.output, len(listed))
        print(wrong or f"{len(listed)} bundles, a row each, in {arguments.output}")
        return 1 if wrong else 0
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(main())
