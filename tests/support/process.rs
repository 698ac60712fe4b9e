//! Programs that end with the value that stands for them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a program may take to end when asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running program; dropping it stops it and waits for its end.
#[derive(Debug)]
pub struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Process {
    /// Starts `command`, its output going to `<name>.out` and `<name>.err` in `folder`.
    ///
    /// # Errors
    /// When the files cannot be made or the program does not start.
    pub fn start(command: &mut Command, folder: &Path, name: &str) -> io::Result<Self> {
        let out = folder.join(format!("{name}.out"));
        let err = folder.join(format!("{name}.err"));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&out)?)
            .stderr(File::create(&err)?)
            .spawn()?;
        Ok(Self { child, out, err })
    }

    /// What it wrote to standard output so far.
    pub fn output(&self) -> String {
        read(&self.out)
    }

    /// What it wrote to standard error so far.
    pub fn errors(&self) -> String {
        read(&self.err)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time that it has used.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // After the name, which may have anything in it: fields 14 and 15, in hundredths.
        let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
        let times = fields.split(' ').skip(11).take(2);
        let ticks: u64 = times.filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// How much memory of it is resident, in bytes.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn memory(&self) -> io::Result<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        let kilobytes: usize = kilobytes.ok_or_else(|| io::Error::other("no VmRSS"))?;
        Ok(kilobytes * 1024)
    }

    /// Its exit status, when it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its end; nothing when it has not ended in time.
    pub fn wait(&mut self, time: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || start.elapsed() > time {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until `found` says something about standard output.
    ///
    /// # Errors
    /// When the program ends first, or the time is over.
    pub fn wait_for_output<T>(
        &mut self,
        time: Duration,
        found: impl Fn(&str) -> Option<T>,
    ) -> io::Result<T> {
        let start = Instant::now();
        loop {
            if let Some(value) = found(&self.output()) {
                return Ok(value);
            }
            if let Some(status) = self.ended() {
                let errors = self.errors();
                return Err(io::Error::other(format!("it ended ({status}):\n{errors}")));
            }
            if start.elapsed() > time {
                let errors = self.errors();
                return Err(io::Error::other(format!("not within {time:?}:\n{errors}")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, and makes it when it does not.
    pub fn stop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        if let Some(id) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            // The child has not been waited for, so its id is still its own.
            let _ = kill_process(id, Signal::TERM);
        }
        let start = Instant::now();
        while self.ended().is_none() {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The file's text, lossy: a log may be cut inside a character.
fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
