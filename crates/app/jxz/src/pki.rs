//! `jxz pki`: the development authority's certificates.

use anyhow::Context;
use jxz_link::{MessagePlan, Plan};
use jxz_map::Map;
use jxz_security::{Algorithm, Psid};
use jxz_v2x::MessageKind;
use jxz_world::SiteId;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

/// Make or show the development authority and the certificates of cloud, nodes, vehicles and operators.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a new authority and a certificate for everyone who takes part.
    Make(MakeArgs),
    /// Revoke message certificates: nodes take the new list within a second.
    Revoke(RevokeArgs),
    /// Show who has a certificate, and until when.
    Show(ShowArgs),
}

#[derive(Debug, clap::Args)]
struct MakeArgs {
    /// Folder to write to; made if it is not there.
    #[arg(long)]
    dir: PathBuf,
    /// Map whose sites get a node's certificate each.
    #[arg(long)]
    map: PathBuf,
    /// Number of vehicles; they are named 0001 and on.
    #[arg(long, default_value_t = 64)]
    vehicles: u16,
    /// Name of an operator; may be given several times.
    #[arg(long = "operator", default_values_t = [String::from("operator")])]
    operators: Vec<String>,
    /// Algorithm of the keys that sign messages on the air: sm2 (with SM3) or ecdsa-p256 (with SHA-256).
    #[arg(long, value_name = "ALGORITHM", default_value = "sm2", value_parser = algorithm)]
    messages: Algorithm,
    /// Days for which the certificates hold.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// Overwrite what is there: every certificate made before becomes worthless.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: jxz pki revoke --dir pki --node zhongxin-minan")]
struct RevokeArgs {
    /// Folder that `make` wrote to.
    #[arg(long)]
    dir: PathBuf,
    /// Site whose node's message certificate is revoked; may be given several times.
    #[arg(long = "node", value_name = "SITE")]
    nodes: Vec<String>,
    /// File of a message certificate (COER) that is revoked, a pseudonym's say; may be given several times.
    #[arg(long = "certificate", value_name = "FILE")]
    certificates: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// Folder that `make` wrote to.
    #[arg(long)]
    dir: PathBuf,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Make(args) => make(args),
        Command::Revoke(args) => revoke(&args),
        Command::Show(args) => show(&args),
    }
}

fn make(args: MakeArgs) -> anyhow::Result<()> {
    let map = Map::load(&args.map).with_context(|| format!("load the map {}", args.map.display()))?;
    let sites = map.sites.into_iter().map(|site| site.id).collect();
    let (vehicles, operators, days) = (args.vehicles, args.operators, args.days);
    let messages = message_plan(args.messages);
    let plan = Plan { sites, vehicles, operators, messages, now: jxz_link::utc_now(), days };
    let roles = jxz_link::make(&args.dir, &plan, args.force)?;
    print(&format!("{} certificates in {}, valid for {days} days\n", roles.len(), args.dir.display()))
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        !args.nodes.is_empty() || !args.certificates.is_empty(),
        "nothing to revoke: give --node or --certificate"
    );
    let nodes = args.nodes.iter().map(|name| jxz_link::node_certificate(&args.dir, &SiteId(name.clone())));
    let certificates: Vec<PathBuf> = nodes.chain(args.certificates.iter().cloned()).collect();
    let count = jxz_link::revoke(&args.dir, &certificates, jxz_link::utc_now())?;
    print(&format!("{count} certificates on the list {}\n", args.dir.join("messages/revocations").display()))
}

/// An algorithm by its name on the command line.
pub(crate) fn algorithm(name: &str) -> Result<Algorithm, String> {
    match name {
        "sm2" => Ok(Algorithm::Sm2),
        "ecdsa-p256" => Ok(Algorithm::EcdsaP256),
        other => Err(format!("no algorithm `{other}`: there are sm2 and ecdsa-p256")),
    }
}

/// Who may sign what, with which algorithm.
pub(crate) fn message_plan(algorithm: Algorithm) -> MessagePlan {
    let psid = |kind: MessageKind| Psid(kind.application_id());
    let (roadside, vehicles) = (MessageKind::ROADSIDE.map(psid), MessageKind::ROAD_USERS.map(psid));
    MessagePlan { algorithm, roadside: roadside.to_vec(), vehicles: vehicles.to_vec() }
}

/// To standard output; a reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let now = jxz_link::utc_now();
    let mut text = String::new();
    for info in jxz_link::show(&args.dir)? {
        let name = info.role.map_or_else(|| "authority".to_owned(), |role| role.dns_name());
        let state = if now < info.not_before {
            "not yet valid"
        } else if now > info.not_after {
            "EXPIRED"
        } else {
            "valid"
        };
        writeln!(text, "{name:<40} {state} until {}  {}", info.not_after, info.path.display())?;
    }
    print(&text)
}
