//! `completion`: what a shell needs to complete the command line.

use super::{Cli, Outcome};
use crate::output::Output;
use clap::CommandFactory as _;
use clap_complete::Shell;
use portolan::Result;

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan completion bash > ~/.local/share/bash-completion/completions/portolan\n  \
    portolan completion zsh > ~/.zfunc/_portolan\n  \
    portolan completion fish > ~/.config/fish/completions/portolan.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Choice,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Choice {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let shell = match args.shell {
        Choice::Bash => Shell::Bash,
        Choice::Zsh => Shell::Zsh,
        Choice::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portolan", &mut script);
    output.bytes(&script)?;
    output.flush()?;
    Ok(Outcome::Done)
}
