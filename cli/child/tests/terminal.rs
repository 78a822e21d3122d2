//! Children on a terminal: colours, window size, keys, Ctrl-C, job control.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "only tests are here")]

mod common;

use common::{PROBE, Terminal};

#[test]
fn stderr_is_a_terminal_of_our_size() {
    let script = "test -t 0 && test -t 1 && test -t 2 && echo all; stty size <&2; \
                  ps -o tpgid=,pgid= -p $$ | { read a b; test $a = $b && echo foreground; }; \
                  printf '\\033[31mred\\n\\tx\\033[0m\\n' >&2";
    let mut terminal = Terminal::new(&[PROBE, "sh", "-c", script]);
    terminal.expect("all\r\n");
    terminal.expect("30 90\r\n");
    terminal.expect("foreground\r\n");
    terminal.expect("\u{1b}[31mred\r\n\tx\u{1b}[0m\r\n");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn window_size_follows() {
    let script = "trap 'stty size <&2' WINCH; trap 'exit 130' INT; echo ready; while :; do sleep 0.05; done";
    let mut terminal = Terminal::new(&[PROBE, "bash", "-c", script]);
    terminal.expect("ready");
    terminal.resize(40, 100);
    terminal.expect("40 100\r\n");
    terminal.press("\u{3}");
    assert_eq!(terminal.exit_code(), Some(130));
}

#[test]
fn ctrl_c_comes_once() {
    let script = "n=0; trap 'n=$((n+1))' INT; echo ready; \
                  while [ $n = 0 ]; do sleep 0.02; done; sleep 0.2; echo count=$n; exit 4";
    let mut terminal = Terminal::new(&[PROBE, "bash", "-c", script]);
    terminal.expect("ready");
    terminal.press("\u{3}");
    terminal.expect("count=1\r\n");
    assert_eq!(terminal.exit_code(), Some(4));
}

#[test]
fn ctrl_backslash_ends_the_child_not_us() {
    let mut terminal = Terminal::new(&[PROBE, "sh", "-c", "ulimit -c 0; echo ready; exec sleep 20"]);
    terminal.expect("ready");
    terminal.press("\u{1c}");
    assert_eq!(terminal.exit_code(), Some(131));
}

/// An interactive shell about the probe.
fn shell() -> Terminal {
    let mut terminal = Terminal::new(&["bash", "--norc", "--noprofile", "--noediting", "-i"]);
    terminal.expect("$ ");
    terminal
}

#[test]
fn ctrl_z_and_fg() {
    let mut terminal = shell();
    for round in 0..5 {
        terminal.press("$PROBE sh -c 'echo rea\"\"dy; read x; echo \"got<$x>\" >&2; exit 6'\n");
        terminal.expect("ready");
        std::thread::sleep(std::time::Duration::from_millis(100));
        terminal.press("\u{1a}");
        terminal.expect("Stopped");
        terminal.press("echo ba\"\"ck; fg\n");
        terminal.expect("back");
        std::thread::sleep(std::time::Duration::from_millis(100));
        terminal.press(&format!("word{round}\n"));
        terminal.expect(&format!("got<word{round}>"));
        terminal.press(&format!("echo co\"\"de{round}=$?\n"));
        terminal.expect(&format!("code{round}=6"));
    }
    terminal.press("exit\n");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn a_child_that_stops_itself_gives_the_shell_back() {
    let mut terminal = shell();
    terminal.press("$PROBE sh -c 'kill -STOP $$; echo go\"\"ne-on; exit 8'\n");
    terminal.expect("Stopped");
    terminal.press("fg\n");
    terminal.expect("gone-on");
    terminal.press("echo co\"\"de=$?\n");
    terminal.expect("code=8");
    terminal.press("exit\n");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn an_interactive_shell_works_inside() {
    let mut terminal = shell();
    terminal.press("$PROBE bash --norc --noprofile --noediting -i\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.press("echo $OPLEDGER_OPERATION; sleep 20\n");
    terminal.expect("cafe");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.press("\u{1a}");
    terminal.expect("Stopped");
    terminal.expect("$ ");
    terminal.press("fg\n");
    terminal.expect("sleep 20\r\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.press("\u{3}");
    terminal.expect("$ ");
    terminal.press("exit 5\n");
    terminal.expect("exit\r\n");
    terminal.expect("$ ");
    terminal.press("echo co\"\"de=$?\n");
    terminal.expect("code=5");
}

#[test]
fn no_bytes_are_lost_at_the_end() {
    for _ in 0..20 {
        let mut terminal = Terminal::new(&[PROBE, "sh", "-c", "seq 1 5000 >&2; sleep 20 & exit 0"]);
        assert_eq!(terminal.exit_code(), Some(0));
        terminal.expect("\n5000\r\n");
    }
}

#[test]
fn a_pager_reads_keys() {
    for pager in ["less", "more"] {
        if std::process::Command::new(pager).arg("--version").output().is_err() {
            continue;
        }
        // By its name, and where we can't know it.
        for argv in [vec![PROBE, pager, "/etc/services"], vec![PROBE, "env", pager, "/etc/services"]] {
            if pager == "more" && argv[1] == "env" {
                continue;
            }
            let mut terminal = Terminal::new(&argv);
            terminal.expect(if pager == "more" { "--More--" } else { "\u{1b}[7m" });
            terminal.press("q");
            assert_eq!(terminal.exit_code(), Some(0), "{argv:?}");
        }
    }
}

#[test]
fn an_editor_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    let mut terminal = Terminal::new(&[PROBE, "vim", "-u", "NONE", path.to_str().unwrap()]);
    terminal.expect("~");
    terminal.press("ihello\u{1b}:wq\r");
    assert_eq!(terminal.exit_code(), Some(0));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "hello\n");
}
