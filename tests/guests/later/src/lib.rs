//! A program of WASI 0.3: it prints its arguments.

wasip3::cli::command::export!(Later);

struct Later;

impl wasip3::exports::cli::run::Guest for Later {
    async fn run() -> Result<(), ()> {
        let args = wasip3::cli::environment::get_arguments();
        let (mut sender, receiver) = wasip3::wit_stream::new();
        let ended = wasip3::cli::stdout::write_via_stream(receiver);
        let rest = sender.write_all(format!("{}\n", args[1..].join("|")).into_bytes()).await;
        drop(sender);
        if ended.await.is_ok() && rest.is_empty() { Ok(()) } else { Err(()) }
    }
}
