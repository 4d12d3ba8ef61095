//! Which program has a port of this machine: who has to be ended is worth more than "in use".

/// `NAME, pid N` of the program that listens on `port`, where the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn holder_of(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .flat_map(|table| listeners(&table, port))
        .collect();
    let sockets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    for process in processes.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()) {
        let files = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        if links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str())) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{}, pid {}", name.trim(), process.file_name().to_string_lossy()));
        }
    }
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn holder_of(_port: u16) -> Option<String> {
    None
}

/// The inodes of the sockets that listen on `port`, in a table of `/proc/net`.
#[cfg(target_os = "linux")]
fn listeners(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let is_it = |local: &str| local.rsplit(':').next() == Some(&format!("{port:04X}"));
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && is_it(fields[1]) && fields[3] == LISTEN)
        .map(|fields| fields[9].to_owned())
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let holder = holder_of(port).unwrap();
        assert!(holder.ends_with(&format!("pid {}", std::process::id())), "{holder}");
        drop(taken);
        assert_eq!(holder_of(port), None);
    }
}
