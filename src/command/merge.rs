//! `kcdoctor merge`: results of `kcdoctor triage` in, one table out.
//!
//! Results are read line by line and each line is judged on its own: one that is none is counted and named, never
//! skipped in silence. What is *not* done here: counting (see [`crate::report::merge`]).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::knowledge::Knowledge;
use crate::report::merge::{MergeReport, Results, Unread, merge as count};
use crate::report::triage::{Line, Status, is_begun};

/// Bytes of a line, which may hold the report of a large bundle; a longer one is not read.
const LONGEST: u64 = 256 << 20;
/// Lines that can't be read and are named one by one.
const NAMED: usize = 20;
/// The path that means standard input.
const STANDARD_INPUT: &str = "-";

/// Results in, their table out; at most `examples` tickets are named for each entry.
///
/// # Errors
/// [`Error::Usage`] where standard input is named twice or a path is a folder, [`Error::NoInput`] and [`Error::Io`]
/// where a result can't be read, [`Error::NothingUnderstood`] where none of the lines is one of triage.
pub fn merge(paths: &[PathBuf], examples: usize, knowledge: &Knowledge) -> Result<MergeReport, Error> {
    if paths.iter().filter(|path| path.as_os_str() == STANDARD_INPUT).count() > 1 {
        return Err(Error::Usage("standard input can be read only once".into()));
    }
    let mut results = Results::default();
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT {
            read("standard input", io::stdin().lock(), LONGEST, &mut results)
        } else {
            read(&path.to_string_lossy(), BufReader::new(open(path)?), LONGEST, &mut results)
        }
        .map_err(Error::io(path))?;
    }
    match nothing_understood(&results) {
        Some(detail) => Err(Error::NothingUnderstood { detail }),
        None => Ok(count(results, examples, knowledge)),
    }
}

/// What is said where there is something to read and no line of triage in it.
fn nothing_understood(results: &Results) -> Option<String> {
    match (results.first_unread.first(), results.torn.first()) {
        _ if !results.lines.is_empty() => None,
        (Some(first), _) => Some(format!(
            "{}:{}: {}; name results that were made with: kcdoctor triage PATH... -o FILE",
            first.result, first.line, first.why
        )),
        (None, Some(torn)) => {
            Some(format!("{torn}: its only line is torn; finish that run with triage --resume"))
        }
        (None, None) => None,
    }
}

/// The file that Parquet is written to.
///
/// # Errors
/// [`Error::Usage`] where there is none, or the program was built without Parquet.
pub fn parquet_file(output: Option<&Path>) -> Result<&Path, Error> {
    if !cfg!(feature = "parquet") {
        return Err(Error::Usage(
            "this kcdoctor was built without Parquet; build it with cargo build --release --features parquet, or take \
             --format csv, which has the same columns"
                .into(),
        ));
    }
    output.ok_or_else(|| {
        Error::Usage("Parquet is no text; name the file that it is written to with -o FILE".into())
    })
}

/// Writes the tickets to `path` as Parquet.
///
/// # Errors
/// [`Error::Io`] where it can't be written.
#[cfg(feature = "parquet")]
pub fn write_parquet(report: &MergeReport, path: &Path) -> Result<(), Error> {
    let write = || crate::render::write_parquet(report, File::create(path)?);
    write().map_err(Error::io(path))
}

/// Does not write: the program was built without Parquet.
///
/// # Errors
/// Those of [`parquet_file`].
#[cfg(not(feature = "parquet"))]
pub fn write_parquet(_: &MergeReport, path: &Path) -> Result<(), Error> {
    parquet_file(Some(path)).map(|_| ())
}

fn open(path: &Path) -> Result<File, Error> {
    if path.is_dir() {
        let folder = path.display();
        return Err(Error::Usage(format!(
            "{folder} is a folder; name the files in it, such as {folder}/*.jsonl"
        )));
    }
    File::open(path).map_err(Error::opening(path))
}

/// Reads a result called `name`.
fn read(name: &str, mut input: impl BufRead, longest: u64, results: &mut Results) -> io::Result<()> {
    results.results += 1;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut input).take(longest).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let is_ended = line.ends_with(b"\n");
        // Editors and PowerShell begin a file with this mark.
        let text = if number == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line) } else { &line };
        match parsed(text) {
            _ if text.trim_ascii().is_empty() => {}
            Ok(line) => results.lines.push(line),
            Err(Wrong::Unfinished(_)) if !is_ended && is_begun(text) && (line.len() as u64) < longest => {
                results.torn.push(name.to_owned());
            }
            Err(Wrong::Unfinished(why) | Wrong::Another(why)) => {
                results.unread += 1;
                if results.first_unread.len() < NAMED {
                    results.first_unread.push(Unread { result: name.to_owned(), line: number, why });
                }
                if !is_ended {
                    input.skip_until(b'\n')?;
                }
            }
        }
    }
    Ok(())
}

/// Why a text is no line of triage.
enum Wrong {
    /// It ends before its JSON does.
    Unfinished(String),
    /// It is something else.
    Another(String),
}

/// A line of triage, or why it is none.
fn parsed(text: &[u8]) -> Result<Line, Wrong> {
    let line: Line = serde_json::from_slice(text).map_err(|error| match error.is_eof() {
        true => Wrong::Unfinished(why_not(text, &error)),
        false => Wrong::Another(why_not(text, &error)),
    })?;
    if line.status == Status::Ok && (line.verdict.is_none() || line.signature.is_none()) {
        return Err(Wrong::Another("no line of triage (it is ok and has no verdict or no signature)".into()));
    }
    Ok(line)
}

fn why_not(text: &[u8], error: &serde_json::Error) -> String {
    if is_wide(text) {
        "no line of triage but UTF-16, which > of Windows PowerShell writes; write results with -o".into()
    } else if text.contains(&0) || std::str::from_utf8(text).is_err() {
        "no line of triage, and not text".into()
    } else {
        format!("no line of triage ({error})")
    }
}

/// Whether a line is UTF-16: it begins with the mark of it, or every second byte is NUL, as in JSON of Latin letters. Of
/// the last line end, half may be left.
fn is_wide(text: &[u8]) -> bool {
    let is_nul_from = |first: usize| text.iter().skip(first).step_by(2).all(|byte| *byte == 0);
    match text {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0] => true,
        [_] => false,
        _ => is_nul_from(0) != is_nul_from(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::triage::LineTool;

    fn line(ticket: &str) -> String {
        let tool = LineTool { version: "1".into(), knowledge: "2".into(), options: String::new() };
        serde_json::to_string(&Line::failed(ticket, ticket, "io", "gone".into(), tool)).unwrap()
    }

    fn results(text: &[u8], longest: u64) -> Results {
        let mut results = Results::default();
        read("x", text, longest, &mut results).unwrap();
        results
    }

    fn tickets(results: &Results) -> Vec<&str> {
        results.lines.iter().map(|line| line.ticket.as_str()).collect()
    }

    #[test]
    fn a_torn_end_is_told_from_a_whole_one() {
        let whole = format!("\u{feff}{}\r\n\n{}", line("T1"), line("T2"));
        let read = results(whole.as_bytes(), LONGEST);
        assert_eq!((tickets(&read), read.torn.len(), read.unread), (vec!["T1", "T2"], 0, 0));
        // Wherever it is torn, it is neither a line nor lost in silence.
        for end in line("T1").len() + 6..whole.len() {
            let read = results(&whole.as_bytes()[..end], LONGEST);
            let is_torn = usize::from(end > line("T1").len() + 6);
            assert_eq!((tickets(&read), read.torn.len(), read.unread), (vec!["T1"], is_torn, 0), "{end}");
        }
    }

    #[test]
    fn an_end_is_torn_only_where_a_line_began() {
        for wrong in ["hello", "{", "{}", "[", "{\"ticket\":\"T2\"", "{\"schema_version\":1}"] {
            let read = results(format!("{}\n{wrong}", line("T1")).as_bytes(), LONGEST);
            let is_torn = usize::from(wrong == "{");
            assert_eq!((read.torn.len(), read.unread), (is_torn, 1 - is_torn), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_counted_and_named() {
        let one = line("T1");
        for wrong in ["{}", "[1]", "hello", "\u{0}", &one[1..], &one.replace("\"error\",", "\"ok\",")] {
            let read = results(format!("{one}\n{wrong}\n{}\n", line("T2")).as_bytes(), LONGEST);
            assert_eq!((tickets(&read), read.unread), (vec!["T1", "T2"], 1), "{wrong}");
            assert_eq!(read.first_unread[0].line, 2, "{wrong}");
        }
        let many = results("x\n".repeat(50).as_bytes(), LONGEST);
        assert_eq!((many.unread, many.first_unread.len()), (50, NAMED));
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_the_longest() {
        let longest = line("T1").len() as u64 + 1;
        let text = format!("{}\n{}\n{}\n", line("T1"), line("a far longer ticket").repeat(9), line("T2"));
        let read = results(text.as_bytes(), longest);
        assert_eq!((tickets(&read), read.unread, read.torn.len()), (vec!["T1", "T2"], 1, 0));
        let endless = results("x".repeat(1_000).as_bytes(), 10);
        assert_eq!((endless.lines.len(), endless.unread), (0, 1));
    }

    #[test]
    fn a_result_of_windows_powershell_is_named_as_such() {
        let wide: Vec<u8> = "\u{feff}{}\n{}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let read = results(&wide, LONGEST);
        assert!(read.lines.is_empty() && read.first_unread[0].why.contains("UTF-16"), "{read:?}");
        // Neither has a mark; of the second line, the first byte is half of the end of the first.
        let unmarked = results(&wide[2..], LONGEST);
        assert!(unmarked.first_unread.iter().all(|own| own.why.contains("UTF-16")), "{unmarked:?}");
        for other in [&b"PK\x03\x04\0\0x"[..], b"\0\0\0", b"\xFF", b"{\"a\0b\"}"] {
            let read = results(other, LONGEST);
            assert!(read.first_unread[0].why.contains("not text"), "{other:?} {read:?}");
        }
    }
}
