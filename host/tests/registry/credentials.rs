//! Where credentials are found and kept, and `serve --htpasswd` with the program itself.

use crate::{Run, command, demo_place, run};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

/// The program's own registry, of this directory.
pub(crate) struct Serve {
    pub(crate) address: String,
    pub(crate) child: Child,
}

impl Serve {
    pub(crate) fn start(root: &Path, args: &[&str]) -> Self {
        let mut command = command(["serve", "--listen", "127.0.0.1:0", root.to_str().unwrap()]);
        let mut child = command.args(args).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().unwrap().to_owned();
        Self { address, child }
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) {
        portolan_tests::peers::succeed("kill", [self.child.id().to_string()]);
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn users(directory: &Path) -> String {
    let file = directory.join("users");
    fs::write(&file, format!("alice:{}\n", bcrypt::hash("secret", 4).unwrap())).unwrap();
    file.to_str().unwrap().to_owned()
}

fn with(config: &Path, args: &[&str], input: &str) -> Run {
    let mut command = command(args);
    let path = format!("{}:{}", config.display(), std::env::var("PATH").unwrap());
    command.env("DOCKER_CONFIG", config).env("PATH", path);
    run(command, input)
}

/// H-09, and the commands that write what is read.
#[test]
fn h_09_what_login_keeps_lets_in_and_logout_forgets() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Serve::start(&scratch.path().join("root"), &["--htpasswd", &users(scratch.path())]);
    let (registry, config) = (server.address.as_str(), scratch.path().join("config"));
    let to = format!("{registry}/demo:1.0");
    let copy = || with(&config, &["copy", "--quiet", &demo_place(), &to], "");
    copy().failed("portolan login");
    let login =
        |password: &str| with(&config, &["login", "--username", "alice", "--password-stdin", registry], password);
    login("wrong\n").failed("error: ");
    assert!(!config.join("config.json").exists());
    login("secret\n").done();
    let mode = fs::metadata(config.join("config.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(fs::read_to_string(config.join("config.json")).unwrap().contains("YWxpY2U6c2VjcmV0"));
    copy().done();
    with(&config, &["logout", registry], "").done();
    with(&config, &["tags", &to.replace(":1.0", "")], "").failed("portolan login");
    assert!(!fs::read_to_string(config.join("config.json")).unwrap().contains("YWxpY2U6c2VjcmV0"));
    server.stop();
}

/// H-09.
#[test]
fn h_09_files_and_helpers_of_docker_are_asked() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Serve::start(&scratch.path().join("root"), &["--htpasswd", &users(scratch.path())]);
    let (registry, config) = (server.address.as_str(), scratch.path().join("config"));
    fs::create_dir(&config).unwrap();
    let helper = config.join("docker-credential-ours");
    // It knows one server, and says what it was asked.
    let script = format!(
        "#!/bin/sh\nread -r server\necho \"$1 $server\" >>{0}/asked\n\
         if [ \"$1\" = get ] && [ \"$server\" = {registry} ]; then echo '{{\"ServerURL\":\"x\",\"Username\":\"alice\",\"Secret\":\"secret\"}}'\n\
         else echo 'credentials not found in native keychain'; exit 1; fi\n",
        config.display()
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let to = format!("{registry}/demo:1.0");
    let copy = || with(&config, &["copy", "--quiet", &demo_place(), &to], "");
    let helped = format!(r#"{{"credHelpers":{{"{registry}":"ours"}}}}"#);
    for document in [
        format!(r#"{{"auths":{{"{registry}":{{"auth":"YWxpY2U6c2VjcmV0"}}}}}}"#),
        format!(r#"{{"auths":{{"http://{registry}/v2/":{{"auth":"YWxpY2U6c2VjcmV0"}}}}}}"#),
        helped.clone(),
        r#"{"credsStore":"ours"}"#.to_owned(),
    ] {
        fs::write(config.join("config.json"), &document).unwrap();
        let run = copy();
        assert_eq!(run.code, Some(0), "{document}: {}", run.stderr);
    }
    assert_eq!(fs::read_to_string(config.join("asked")).unwrap(), format!("get {registry}\n").repeat(2));
    for (document, said) in [
        ("{}".to_owned(), "portolan login"),
        ("{".to_owned(), "config.json"),
        (helped.replace("ours", "none"), "docker-credential-none"),
        (helped.replace("ours", "../ours"), "config.json"),
        (format!(r#"{{"auths":{{"{registry}":{{"auth":"%%%"}}}}}}"#), "config.json"),
    ] {
        fs::write(config.join("config.json"), &document).unwrap();
        let error = copy().failed(said);
        assert!(!error.contains("%%%"), "{error}");
    }
}

/// H-06, H-09: an identity token buys tokens by POST and goes nowhere else.
#[test]
fn h_09_an_identity_token_is_a_refresh_token() {
    let scratch = tempfile::tempdir().unwrap();
    let server = crate::demo_registry(&scratch.path().join("root"));
    let proxy = crate::proxy::Proxy::new(server.address, |asked| {
        use crate::proxy::Fault;
        let host = asked.header("host").unwrap();
        match (asked.path.starts_with("/token"), asked.header("authorization")) {
            (true, _) => Fault::Answer(200, vec![], br#"{"access_token":"bought"}"#.to_vec()),
            (false, Some("Bearer bought")) => Fault::None,
            _ => Fault::Answer(
                401,
                vec![("WWW-Authenticate", format!("Bearer realm=\"http://{host}/token\",service=\"s\""))],
                vec![],
            ),
        }
    });
    let config = scratch.path().join("config");
    fs::create_dir(&config).unwrap();
    let document = format!(r#"{{"auths":{{"{}":{{"auth":"","identitytoken":"idtoken"}}}}}}"#, proxy.address);
    fs::write(config.join("config.json"), document).unwrap();
    with(&config, &["tags", &format!("{}/demo", proxy.address)], "").done();
    let bought: Vec<_> = proxy.records().into_iter().filter(|record| record.asked.path.starts_with("/token")).collect();
    assert_eq!((bought.len(), bought[0].asked.method.as_str()), (1, "POST"));
    let form = String::from_utf8(bought[0].body.clone()).unwrap();
    assert!(form.contains("grant_type=refresh_token") && form.contains("refresh_token=idtoken"), "{form}");
}
