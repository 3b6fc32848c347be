// A program for the judge: see program.c.
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn setsid() -> i32;
}

const SIG_IGN: usize = 1;

fn forever() {
    loop {
        std::hint::spin_loop();
    }
}

fn greedy() {
    let mut all = Vec::new();
    loop {
        all.push(vec![1u8; 1 << 20]);
    }
}

fn leave_daemon() {
    let mut daemon = Command::new("sh");
    daemon.args(["-c", "while :; do :; done"]);
    let own_session = || {
        unsafe { setsid() };
        Ok(())
    };
    unsafe { daemon.pre_exec(own_session) }.spawn().unwrap();
    println!("left");
}

fn main() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    let words: Vec<&str> = input.split_whitespace().collect();
    match words[..] {
        ["add", a, b] => println!("{}", a.parse::<i32>().unwrap() + b.parse::<i32>().unwrap()),
        ["wrong"] => println!("41"),
        ["slow"] => forever(),
        ["greedy"] => greedy(),
        ["crash"] => panic!("crashed"),
        ["fork"] => loop {
            let _ = Command::new("sleep").arg("600").spawn();
        },
        ["flood"] => loop {
            println!("again");
        },
        ["read", path] => print!("{}", std::fs::read_to_string(path).unwrap()),
        ["call", address, port] => {
            TcpStream::connect(format!("{address}:{port}")).unwrap();
            println!("connected");
        }
        ["daemon"] => leave_daemon(),
        ["ignore"] => {
            for number in 1..=64 {
                unsafe { signal(number, SIG_IGN) };
            }
            forever();
        }
        _ => {}
    }
}
