//! The child's stderr when ours is a terminal: a pty that looks like it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::stdio::{stderr, stdin};
use rustix::termios::{OptionalActions, OutputModes, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};

/// Programs that read keys from stderr, or set the terminal up through it. They own the screen
/// and have no error text to keep: they get the real terminal.
const SCREEN_PROGRAMS: [&str; 23] = [
    "more", "less", "most", "man", "vi", "vim", "nvim", "view", "ex", "vimdiff", "nano", "pico", "emacs", "top",
    "htop", "watch", "tmux", "screen", "su", "login", "newgrp", "crontab", "visudo",
];
/// With no script to run they are interactive: they move jobs to the foreground through stderr,
/// and their prompt must keep its place among what others write to the terminal.
const SHELLS: [&str; 8] = ["sh", "bash", "zsh", "dash", "ksh", "fish", "ash", "csh"];
/// Programs that run another one.
const WRAPPERS: [&str; 12] =
    ["env", "nice", "ionice", "nohup", "time", "timeout", "sudo", "doas", "stdbuf", "setpriv", "chroot", "nix-shell"];

/// Whether the child's stderr should be a pty.
pub(crate) fn wants_pty(argv: &[OsString]) -> bool {
    isatty(stderr()) && !needs_real_terminal(argv)
}

/// Whether the child must be left alone with the terminal.
pub(crate) fn needs_real_terminal(argv: &[OsString]) -> bool {
    if !isatty(stderr()) {
        return false;
    }
    let mut words =
        argv.iter().map(|word| Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or_default());
    let mut name = words.next().unwrap_or_default();
    if WRAPPERS.contains(&name) {
        let known = |word: &&str| SCREEN_PROGRAMS.contains(word) || SHELLS.contains(word);
        name = words.find(known).unwrap_or_default();
    }
    let no_script = words.all(|word| word.starts_with("--") || (word.starts_with('-') && !word.ends_with('c')));
    SCREEN_PROGRAMS.contains(&name) || (SHELLS.contains(&name) && no_script && isatty(stdin()))
}

/// A pty of the size and modes of our terminal, but passing bytes on as they are (the real
/// terminal does what is to be done to them): its master, and the slave for the child. It is
/// nobody's controlling terminal; that stays the real one.
pub(crate) fn open_pty() -> io::Result<(OwnedFd, File)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let name = name.into_string().map_err(io::Error::other)?;
    let flags = i32::try_from(OFlags::NOCTTY.bits()).map_err(io::Error::other)?;
    let slave = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name)?;
    let mut modes = tcgetattr(stderr())?;
    modes.output_modes.remove(OutputModes::OPOST);
    tcsetattr(&slave, OptionalActions::Now, &modes)?;
    copy_window_size(&master);
    Ok((master, slave))
}

/// Gives the pty the size of our terminal; whether that changed anything.
pub(crate) fn copy_window_size(master: &OwnedFd) -> bool {
    let (Ok(real), Ok(copy)) = (tcgetwinsize(stderr()), tcgetwinsize(master)) else {
        return false;
    };
    real != copy && tcsetwinsize(master, real).is_ok()
}
