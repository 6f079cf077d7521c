//! A program that does one thing, which its first argument names; for WASI 0.1 and 0.2 alike.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let arg = |index: usize| args.get(index).map(String::as_str).unwrap_or_default();
    let done = |result: std::io::Result<()>| match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::from(3)
        }
    };
    match arg(1) {
        "args" => println!("{}", args[2..].join("|")),
        "env" => {
            let mut variables: Vec<_> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
            variables.sort();
            println!("{}", variables.join("|"));
        }
        "cat" => return done(std::fs::read(arg(2)).and_then(|bytes| std::io::stdout().write_all(&bytes))),
        "write" => return done(std::fs::write(arg(2), arg(3))),
        "list" => {
            let Ok(entries) = std::fs::read_dir(arg(2)) else { return ExitCode::from(3) };
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            println!("{}", names.join("|"));
        }
        "stdin" => {
            let mut text = String::new();
            let _ = std::io::stdin().read_to_string(&mut text);
            print!("{}", text.to_uppercase());
        }
        "clock" => {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            println!("{}", since.is_ok_and(|time| time.as_secs() > 1_700_000_000));
        }
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(60)),
        "connect" => {
            let answer = std::net::TcpStream::connect(arg(2)).and_then(|mut stream| {
                let mut text = String::new();
                stream.read_to_string(&mut text).map(|_| text)
            });
            return done(answer.map(|text| print!("{text}")));
        }
        "exit" => return ExitCode::from(arg(2).parse::<u8>().unwrap_or(1)),
        "panic" => panic!("on purpose"),
        "loop" => loop {
            std::hint::black_box(());
        },
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 16 << 20]);
            }
        }
        _ => println!("hello"),
    }
    ExitCode::SUCCESS
}
