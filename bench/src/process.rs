//! What the kernel says about a process: processor time and memory.

use std::{fs, time::Duration};

use crate::error::{Error, Result};

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// `VmHWM`: the most pages that were ever resident at once; anonymous ones, mapped files (the program itself included) and
    /// shared ones.
    pub(crate) peak: u64,
}

/// User and system time of all threads of process `id`, to the kernel's tick (10 ms).
pub(crate) fn cpu_time(id: u32) -> Result<Duration> {
    let stat = read(id, "stat")?;
    let ticks = cpu_ticks(&stat).ok_or_else(|| Error::Unreadable { what: "/proc/PID/stat", body: stat.clone() })?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
}

/// Memory of process `id`.
pub(crate) fn memory(id: u32) -> Result<Memory> {
    let status = read(id, "status")?;
    let peak = kilobytes(&status, "VmHWM:")
        .ok_or_else(|| Error::Unreadable { what: "/proc/PID/status", body: status.clone() })?;
    Ok(Memory { peak: peak * 1024 })
}

fn read(id: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{id}/{file}");
    fs::read_to_string(&path).map_err(Error::io(format!("read {path}")))
}

/// Fields 14 and 15; the second one, a name in parentheses, can itself hold spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

fn kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_user_plus_system_whatever_the_name() {
        let stat =
            "42 (a) b (c) S 1 42 42 0 -1 4194560 2500 0 0 0 1234 66 7 8 20 0 5 0 100 1000 200 18446744073709551615";
        assert_eq!(cpu_ticks(stat), Some(1300));
    }

    #[test]
    fn own_figures_are_plausible() {
        let id = std::process::id();
        let before = cpu_time(id).unwrap();
        while cpu_time(id).unwrap() < before + Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let peak = memory(id).unwrap().peak;
        assert!((500_000..4_000_000_000).contains(&peak), "{peak}");
        assert_eq!(kilobytes("VmPeak:\t 9 kB\nVmHWM:\t   25516 kB\n", "VmHWM:"), Some(25516));
    }
}
