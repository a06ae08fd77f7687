//! Workers in processes of their own, so that one bundle can take down no more than itself.
//!
//! A worker is this program again: it takes a job a line on its standard input, as JSON, and gives an answer a line on
//! its standard output. One that dies, or says nothing in time, is ended, and the next job gets a new one. Its memory
//! is bounded by the system ([`become_worker`]): an allocation beyond it fails, and the worker with it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Analyst, Answer, Failure, Job, overdue};
use crate::error::Error;

/// What a worker may take beyond the deadline that it keeps itself.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes that are kept of what a worker says of its end.
const LAST_WORDS: usize = 4096;

/// Takes jobs from standard input and answers them on standard output, to its end.
///
/// # Errors
/// [`Error::Io`] where an answer can't be written, [`Error::Fault`] where a job can't be read.
pub fn serve(analyst: &Analyst<'_>) -> Result<(), Error> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line.map_err(Error::io("standard input"))?;
        let job: Job = serde_json::from_str(&line).map_err(|error| Error::Fault(error.to_string()))?;
        let answer = super::text(&analyst.answer(&job));
        writeln!(output, "{answer}").and_then(|()| output.flush()).map_err(Error::io("standard output"))?;
    }
    Ok(())
}

/// The least memory of a worker: below, it could not read a small bundle.
const LEAST: u64 = 48 << 20;
/// What each of its threads needs on top: a stack, and what malloc keeps for it.
const LEAST_FOR_THREAD: u64 = 16 << 20;

/// Whether `memory` can be shared by so many workers of so many `threads` each.
///
/// # Errors
/// [`Error::Usage`] where each would have too little, and on a system other than Linux.
pub fn check_memory(memory: u64, processes: usize, threads: usize) -> Result<(), Error> {
    if cfg!(not(target_os = "linux")) {
        let advice = "elsewhere bound the whole run, by a container or a job object";
        return Err(Error::Usage(format!("--memory needs Linux; {advice}")));
    }
    let least = LEAST + LEAST_FOR_THREAD * threads as u64;
    if memory / (processes.max(1) as u64) < least {
        let all = (least * processes as u64) >> 20;
        return Err(Error::Usage(format!(
            "--memory is too little for {processes} workers; give them {all}M or more, or have fewer --processes or --threads"
        )));
    }
    Ok(())
}

/// Makes this process a worker: it ends with the run that began it, and takes no more than `memory`.
///
/// # Errors
/// [`Error::Io`] where the system refuses.
#[cfg(target_os = "linux")]
pub fn become_worker(memory: Option<u64>) -> Result<(), Error> {
    use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Error::io("worker process")(error.into()))?;
    // Stacks count there as a whole, what malloc reserves for later does not.
    let limit = Rlimit { current: memory, maximum: memory };
    setrlimit(Resource::Data, limit).map_err(|error| Error::io("--memory")(error.into()))
}

/// Makes this process a worker. Here the system can neither bound it nor end it with the run; it ends by itself when
/// its standard input does.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn become_worker(_memory: Option<u64>) -> Result<(), Error> {
    Ok(())
}

/// One place at work: a process, and its successors.
pub(super) struct Worker {
    arguments: Vec<OsString>,
    timeout: Option<Duration>,
    process: Option<Process>,
}

struct Process {
    child: Child,
    jobs: ChildStdin,
    answers: Receiver<io::Result<String>>,
    last_words: JoinHandle<String>,
    /// Jobs that it has answered.
    answered: usize,
}

/// Why there is no answer.
enum Silence {
    TooLate(Duration),
    Died,
    NotStarted(io::Error),
}

impl Worker {
    /// A worker that is this program with `arguments`, and has `timeout` for each job.
    pub(super) fn new(arguments: Vec<OsString>, timeout: Option<Duration>) -> Self {
        Self { arguments, timeout, process: None }
    }

    /// The answer to a job, or why there is none. A worker that had other bundles before may have died of those, so a new
    /// one is asked as well.
    pub(super) fn ask(&mut self, job: &Job) -> Result<Answer, Failure> {
        loop {
            let is_new = self.process.as_ref().is_none_or(|process| process.answered == 0);
            return match self.answer(job) {
                Ok(answer) => Ok(answer),
                Err(Silence::NotStarted(error)) => Err(Error::io("worker process")(error).into()),
                Err(Silence::TooLate(timeout)) => {
                    self.end();
                    Err(overdue(timeout))
                }
                Err(Silence::Died) => {
                    let failure = self.end();
                    if !is_new {
                        continue;
                    }
                    Err(failure)
                }
            };
        }
    }

    fn answer(&mut self, job: &Job) -> Result<Answer, Silence> {
        let process = match &mut self.process {
            Some(process) => process,
            none => none.insert(start(&self.arguments).map_err(Silence::NotStarted)?),
        };
        let sent = writeln!(process.jobs, "{}", super::text(job)).and_then(|()| process.jobs.flush());
        sent.map_err(|_| Silence::Died)?;
        let answer = match self.timeout {
            Some(timeout) => process.answers.recv_timeout(timeout + GRACE).map_err(|error| match error {
                RecvTimeoutError::Timeout => Silence::TooLate(timeout),
                RecvTimeoutError::Disconnected => Silence::Died,
            })?,
            None => process.answers.recv().map_err(|_| Silence::Died)?,
        };
        let line = answer.map_err(|_| Silence::Died)?;
        let answer: Answer = serde_json::from_str(&line).map_err(|_| Silence::Died)?;
        process.answered += 1;
        Ok(answer)
    }

    /// Ends the process and tells what it died of.
    fn end(&mut self) -> Failure {
        let Some(mut process) = self.process.take() else { return Failure::default() };
        drop(process.jobs);
        // It may be gone already.
        let _ = process.child.kill();
        let status = process.child.wait();
        let said = process.last_words.join().unwrap_or_default();
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        death(&said, &how)
    }
}

impl Drop for Worker {
    /// A worker ends by itself when there are no more jobs.
    fn drop(&mut self) {
        if let Some(Process { mut child, jobs, .. }) = self.process.take() {
            drop(jobs);
            let _ = child.wait();
        }
    }
}

fn start(arguments: &[OsString]) -> io::Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (Some(jobs), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("the worker has no standard streams"));
    };
    let (line, answers) = channel();
    thread::spawn(move || {
        for answer in BufReader::new(output).lines() {
            if line.send(answer).is_err() {
                break;
            }
        }
    });
    let last_words = thread::spawn(move || last_words(errors));
    Ok(Process { child, jobs, answers, last_words, answered: 0 })
}

/// The end of what comes out, so that a worker which says much neither waits nor fills the memory.
fn last_words(mut errors: impl Read) -> String {
    let mut end = Vec::new();
    let mut block = [0; LAST_WORDS];
    while let Ok(count @ 1..) = errors.read(&mut block) {
        end.extend_from_slice(block.get(..count).unwrap_or_default());
        end.drain(..end.len().saturating_sub(LAST_WORDS));
    }
    String::from_utf8_lossy(&end).into_owned()
}

/// What a worker died of, by its last words and its exit status.
fn death(said: &str, how: &str) -> Failure {
    let (code, why) = if said.contains("memory allocation of") {
        let why = "it needs more memory than one worker has; allow more with --memory, or fewer --processes";
        ("out-of-memory", why.to_owned())
    } else if said.contains("overflowed its stack") {
        let why = Error::Fault("a worker's stack overflowed on this bundle".into());
        ("fault", why.to_string())
    } else {
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        let last = last.map_or_else(String::new, |last| format!(", saying: {last}"));
        let why = format!("the worker that read it died ({how}{last}); run it alone with: kcdoctor analyze");
        ("worker-died", why)
    };
    Failure { code, why, ..Failure::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_died_of_is_read_off_its_last_words() {
        let code = |said| death(said, "signal: 9 (SIGKILL)").code;
        assert_eq!(code("memory allocation of 4096 bytes failed\n"), "out-of-memory");
        assert_eq!(code("\nthread 'main' has overflowed its stack\nfatal runtime error"), "fault");
        assert_eq!(code(""), "worker-died");
    }

    #[test]
    fn a_death_without_a_name_is_told_in_its_own_words() {
        let why = death("first\nkcdoctor: no threads\n\n", "exit status: 70").why;
        assert!(why.contains("exit status: 70, saying: kcdoctor: no threads)"), "{why}");
    }

    #[test]
    fn only_the_end_of_what_is_said_is_kept() {
        let said = format!("{}the end", "x".repeat(100_000));
        let kept = last_words(said.as_bytes());
        assert!(kept.ends_with("the end") && kept.len() <= LAST_WORDS);
    }
}
