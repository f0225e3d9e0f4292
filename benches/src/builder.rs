//! Building the subjects: cargo is called as few times as possible, and nobody's failure is another's.

use crate::machine;
use crate::subjects::{Peer, Tool};
use crate::tools::missing_where;
use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, Metadata, MetadataCommand};
use cenote_bench_protocol::Subject;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

/// The package whose programs the subjects are.
const PACKAGE: &str = "cenote-bench-subjects";

/// How many of cargo's last lines are told when a build fails.
const TAIL_LINES: usize = 12;

/// Which calls of cargo build what, and who is left out.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// The calls: peers that are built together.
    pub batches: Vec<Vec<&'static Peer>>,
    /// Who cannot be built, and what is missing.
    pub skipped: Vec<(&'static Peer, String)>,
}

impl Plan {
    /// Plans for `peers` on a machine where `is_here` tells which tools there are.
    pub fn new(peers: &[&'static Peer], is_here: impl Fn(Tool) -> bool) -> Self {
        let (mut together, mut apart, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for &peer in peers {
            if let Some(why) = missing_where(peer.needs, &is_here) {
                skipped.push((peer, why));
            } else if peer.apart {
                apart.push(vec![peer]);
            } else {
                together.push(peer);
            }
        }
        let mut batches = apart;
        if !together.is_empty() {
            batches.insert(0, together);
        }
        Self { batches, skipped }
    }
}

/// How the subjects are built.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// With fat link-time optimisation.
    pub lto: bool,
    /// With the check of every block.
    pub check: bool,
    /// With the workloads whose crates take long to build.
    pub heavy: bool,
}

impl Recipe {
    /// cargo's name of the profile.
    pub const fn profile(self) -> &'static str {
        if self.lto { "lto" } else { "release" }
    }
}

/// A subject that can be run.
#[derive(Clone, Debug)]
pub struct Built {
    /// Who it is.
    pub peer: &'static Peer,
    /// Its program; a copy that no other build replaces.
    pub program: PathBuf,
    /// The version of its crate.
    pub version: String,
}

/// What came of a build.
#[derive(Debug)]
pub struct Outcome {
    /// The subjects that there are.
    pub built: Vec<Built>,
    /// Those that there are not, and why.
    pub skipped: Vec<(&'static Peer, String)>,
}

/// The workspace, and the cargo that builds it.
#[derive(Debug)]
pub struct Workspace {
    cargo: PathBuf,
    root: PathBuf,
    /// Where results are put and programs are kept.
    pub output: PathBuf,
}

impl Workspace {
    /// Finds the workspace that this program was built in.
    ///
    /// # Errors
    /// When cargo or the sources are not there any more.
    pub fn find() -> Result<Self> {
        let cargo = PathBuf::from(env::var_os("CARGO").unwrap_or("cargo".into()));
        // `cargo run` tells where the package is now; it may have been moved since it was compiled.
        let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
        let manifest = Path::new(&package).join("Cargo.toml");
        let metadata: Metadata = MetadataCommand::new()
            .cargo_path(&cargo)
            .manifest_path(&manifest)
            .no_deps()
            .exec()
            .with_context(|| format!("cannot read the workspace of {}", manifest.display()))?;
        if !metadata.packages.iter().any(|package| package.name == PACKAGE) {
            bail!("the workspace of {} has no package {PACKAGE}", manifest.display());
        }
        Ok(Self {
            cargo,
            root: metadata.workspace_root.clone().into(),
            output: metadata.target_directory.join("cenote-bench").into(),
        })
    }

    /// Builds `peers`; whoever cannot be built is left out.
    ///
    /// # Errors
    /// When the programs cannot be kept.
    pub fn build(&self, peers: &[&'static Peer], recipe: Recipe) -> Result<Outcome> {
        let Plan { batches, mut skipped } = Plan::new(peers, Tool::is_here);
        let spinner = ProgressBar::new_spinner()
            .with_style(ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}").expect("a valid template"));
        spinner.enable_steady_tick(Duration::from_millis(100));
        let mut built = Vec::new();
        for batch in &batches {
            match self.cargo_build(batch, recipe, &spinner)? {
                Ok(programs) => built.extend(programs),
                Err(tail) if batch.len() == 1 => skipped.push((batch[0], tail)),
                // Somebody does not build. One by one shows who; what is built already stays built.
                Err(_) => {
                    for &peer in batch {
                        match self.cargo_build(&[peer], recipe, &spinner)? {
                            Ok(programs) => built.extend(programs),
                            Err(tail) => skipped.push((peer, tail)),
                        }
                    }
                }
            }
        }
        spinner.finish_and_clear();
        let place = |peer: &Peer| peers.iter().position(|other| other.name == peer.name);
        built.sort_by_key(|one| place(one.peer));
        Ok(Outcome { built, skipped })
    }

    /// Builds `batch` by one call of cargo; or tells its last lines.
    fn cargo_build(
        &self,
        batch: &[&'static Peer],
        recipe: Recipe,
        spinner: &ProgressBar,
    ) -> Result<Result<Vec<Built>, String>> {
        let mut command = Command::new(&self.cargo);
        command
            .current_dir(&self.root)
            .args(["build", "--profile", recipe.profile(), "--package", PACKAGE, "--no-default-features"])
            .args(["--message-format", "json-render-diagnostics", "--color", "never"])
            .arg("--features")
            .arg(features(batch, recipe).join(","));
        for peer in batch {
            command.arg("--bin").arg(peer.program());
        }
        let mut cargo = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.cargo.display()))?;
        let stderr = BufReader::new(cargo.stderr.take().expect("piped"));
        let stdout = BufReader::new(cargo.stdout.take().expect("piped"));
        let (tail, artifacts) = thread::scope(|scope| {
            let tail = scope.spawn(|| {
                let mut tail = VecDeque::new();
                for line in stderr.lines().map_while(Result::ok) {
                    spinner.set_message(format!("building the subjects: {}", line.trim()));
                    tail.push_back(line);
                    if tail.len() > TAIL_LINES {
                        tail.pop_front();
                    }
                }
                Vec::from(tail).join("\n")
            });
            let artifacts = Artifacts::read(stdout);
            (tail.join().expect("reads"), artifacts)
        });
        if !cargo.wait()?.success() {
            return Ok(Err(format!("does not build:\n{tail}")));
        }
        batch.iter().map(|peer| self.keep(peer, recipe, &artifacts)).collect::<Result<_>>().map(Ok)
    }

    /// Copies a program to where the next build, with other features, does not replace it.
    fn keep(&self, peer: &'static Peer, recipe: Recipe, artifacts: &Artifacts) -> Result<Built> {
        let name = peer.program();
        let Some(executable) = artifacts.executables.get(&name) else { bail!("cargo built no {name}") };
        let kind = if recipe.check { "-check" } else { "" };
        let folder = self.output.join("subjects").join(format!("{}{kind}", recipe.profile()));
        let program = folder.join(&name);
        copy(executable, &program)?;
        let version = match peer.krate {
            Some(krate) => artifacts.versions.get(krate).cloned().unwrap_or_default(),
            None => machine::libc_version(),
        };
        Ok(Built { peer, program, version })
    }

    /// The commit that the workspace is at, if git knows.
    pub fn commit(&self) -> String {
        machine::first_line(Command::new("git").current_dir(&self.root).args(["describe", "--always", "--dirty"]))
    }
}

/// The features of the package of subjects that `batch` is built with.
fn features<'a>(batch: &[&'a Peer], recipe: Recipe) -> Vec<&'a str> {
    let check = recipe.check.then_some("check");
    let heavy = recipe.heavy.then_some("heavy");
    batch.iter().filter_map(|peer| peer.feature).chain(check).chain(heavy).collect()
}

/// Copies a program, also over one that runs.
///
/// # Errors
/// What the file system says.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let what = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to.parent().unwrap_or(Path::new("."))).with_context(what)?;
    // A name of its own, then a rename: a program that runs cannot be written to.
    let aside = to.with_extension(format!("new-{}", std::process::id()));
    fs::copy(from, &aside).with_context(what)?;
    forget(&aside).with_context(what)?;
    fs::rename(&aside, to).with_context(what)
}

/// Has the kernel write `file` to disk and forget its contents, so that all programs are read anew, in the same way: how many
/// of a program's pages one fault maps, and so its resident set, depends on how the pages came into the kernel's cache.
fn forget(file: &Path) -> io::Result<()> {
    let file = fs::File::open(file)?;
    file.sync_all()?;
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        // If the advice is not taken, resident sets are a little less exact.
        // SAFETY: the descriptor is open; the call takes no memory of ours.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    }
    Ok(())
}

/// What cargo says that it made.
#[derive(Debug, Default)]
struct Artifacts {
    executables: HashMap<String, PathBuf>,
    versions: HashMap<String, String>,
}

impl Artifacts {
    fn read(stdout: impl BufRead) -> Self {
        let mut all = Self::default();
        for message in Message::parse_stream(stdout).map_while(Result::ok) {
            let Message::CompilerArtifact(artifact) = message else { continue };
            if let Some((name, version)) = package(&artifact.package_id.repr) {
                all.versions.insert(name.into(), version.into());
            }
            if let Some(executable) = artifact.executable {
                all.executables.insert(artifact.target.name, executable.into());
            }
        }
        all
    }
}

/// Name and version in a package's identifier, `URL#NAME@VERSION`, or `URL#VERSION` where the URL ends in the name.
/// What follows a `+` names a build and is no part of the version.
fn package(id: &str) -> Option<(&str, &str)> {
    let (url, fragment) = id.rsplit_once('#')?;
    let (name, version) = fragment.split_once('@').or_else(|| Some((url.rsplit('/').next()?, fragment)))?;
    Some((name, version.split('+').next().unwrap_or(version)))
}

/// What the results say of every allocator that was asked for, in the order of `peers`.
pub fn roll(peers: &[&'static Peer], outcome: &Outcome, commit: &str) -> Vec<Subject> {
    let subject = |peer: &&'static Peer| {
        let built = outcome.built.iter().find(|built| built.peer.name == peer.name);
        let skipped = outcome.skipped.iter().find(|(skipped, _)| skipped.name == peer.name);
        let note = match (peer.krate, skipped) {
            (_, Some((_, why))) => why.clone(),
            (Some("cenote"), _) => format!("{}, at {commit}", peer.about),
            (Some(krate), _) => format!("{}; crate {krate}", peer.about),
            (None, _) => peer.about.into(),
        };
        Subject {
            name: peer.name.into(),
            version: built.map(|built| built.version.clone()).unwrap_or_default(),
            note,
            present: built.is_some(),
        }
    };
    peers.iter().map(subject).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subjects::PEERS;

    fn names(batch: &[&Peer]) -> Vec<&'static str> {
        batch.iter().map(|peer| peer.name).collect()
    }

    fn all() -> Vec<&'static Peer> {
        PEERS.iter().collect()
    }

    #[test]
    fn with_every_tool_nobody_is_skipped_and_only_who_must_be_is_built_apart() {
        let plan = Plan::new(&all(), |_| true);
        assert!(plan.skipped.is_empty());
        assert_eq!(plan.batches.len(), 1 + PEERS.iter().filter(|peer| peer.apart).count());
        assert_eq!(plan.batches.iter().flatten().count(), PEERS.len());
    }

    #[test]
    fn without_tools_rust_alone_is_built_and_each_other_is_told_how() {
        let plan = Plan::new(&all(), |_| false);
        assert!(plan.batches.iter().flatten().all(|peer| peer.needs.is_empty()));
        assert!(names(&plan.batches[0]).starts_with(&["cenote", "system"]));
        assert_eq!(plan.skipped.len(), PEERS.iter().filter(|peer| !peer.needs.is_empty()).count());
        assert!(plan.skipped.iter().all(|(_, why)| why.starts_with("needs ") && why.contains("install")));
    }

    #[test]
    fn a_peer_is_told_all_that_it_misses() {
        let snmalloc = Peer::named("snmalloc").unwrap();
        let plan = Plan::new(&[snmalloc], |tool| tool == Tool::C);
        assert!(plan.batches.is_empty());
        let (_, why) = &plan.skipped[0];
        assert!(snmalloc.needs.iter().all(|&tool| tool == Tool::C || why.contains(tool.how_to_get())), "{why}");
    }

    #[test]
    fn identifiers_of_packages_are_understood() {
        assert_eq!(package("registry+https://example.org/index#mimalloc@0.1.52"), Some(("mimalloc", "0.1.52")));
        assert_eq!(package("registry+https://example.org/index#smmalloc@7.6.0+b1"), Some(("smmalloc", "7.6.0")));
        assert_eq!(package("path+file:///home/me/cenote#0.1.0"), Some(("cenote", "0.1.0")));
        assert_eq!(package("path+file:///home/me/clone#cenote@0.1.0"), Some(("cenote", "0.1.0")));
    }

    #[test]
    fn the_roll_names_everybody_and_why_who_is_absent() {
        let peers = [Peer::named("cenote").unwrap(), Peer::named("tcmalloc").unwrap()];
        let built = Built { peer: peers[0], program: "subject-cenote".into(), version: "0.1.0".into() };
        let outcome = Outcome { built: vec![built], skipped: vec![(peers[1], "needs a C++ compiler".into())] };
        let roll = roll(&peers, &outcome, "abc");
        assert!(roll[0].present && roll[0].version == "0.1.0" && roll[0].note.ends_with("at abc"));
        assert!(!roll[1].present && roll[1].note == "needs a C++ compiler");
    }

    #[test]
    fn a_copy_replaces_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("deep/to"));
        fs::write(&from, "1").unwrap();
        copy(&from, &to).unwrap();
        fs::write(&from, "2").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "2");
        assert!(copy(&folder.path().join("nothing"), &to).is_err());
    }
}
