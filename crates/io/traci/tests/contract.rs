//! The real SUMO answers as this client expects. Skipped, with the reason, where SUMO is not installed: name its
//! folder in `JXZ_SUMO`, or put it on the PATH.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_traci::{Client, Domain, Update, Value, Variable, find_program};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NODES: &str = r#"<nodes>
<node id="a" x="0" y="0"/><node id="m" x="500" y="0" type="traffic_light"/><node id="b" x="1000" y="0"/></nodes>"#;
const EDGES: &str = r#"<edges>
<edge id="in" from="a" to="m" numLanes="1" speed="15" sidewalkWidth="2"/>
<edge id="out" from="m" to="b" numLanes="1" speed="15" sidewalkWidth="2"/></edges>"#;
const ROUTES: &str = r#"<routes>
<vType id="long" vClass="truck" length="12" width="2.5" height="3.4" sigma="0"/>
<vehicle id="one" type="long" depart="0" departPos="0" departSpeed="10"><route edges="in out"/></vehicle>
<person id="walker" depart="0" departPos="10"><walk from="in" to="out"/></person></routes>"#;

fn program(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os("JXZ_SUMO").map(PathBuf::from);
    match find_program(name, given.as_deref()) {
        Ok(path) => Some(path),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    }
}

/// A SUMO that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(program: &Path, folder: &Path, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).current_dir(folder).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{} {arguments:?}", program.display());
}

fn start(folder: &Path) -> Option<(Running, Client<std::net::TcpStream>)> {
    let (netconvert, sumo) = (program("netconvert")?, program("sumo")?);
    for (name, text) in [("x.nod.xml", NODES), ("x.edg.xml", EDGES), ("x.rou.xml", ROUTES)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    run(&netconvert, folder, &["-n", "x.nod.xml", "-e", "x.edg.xml", "-o", "x.net.xml"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port_text = port.to_string();
    let arguments = ["-n", "x.net.xml", "-r", "x.rou.xml", "--step-length", "0.05", "--remote-port", &port_text];
    let child = Command::new(sumo).args(arguments).current_dir(folder).stdout(Stdio::null()).spawn().unwrap();
    let running = Running(child);
    let client = Client::connect(SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(60)).unwrap();
    Some((running, client))
}

#[test]
fn what_a_lorry_and_a_walker_do_is_told_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_running, mut client)) = start(folder.path()) else { return };
    assert!(client.version().unwrap().program.contains("SUMO"));
    client.add_place("middle", [100.0, 0.0]).unwrap();
    let of_vehicle = [Variable::POSITION, Variable::SPEED, Variable::ANGLE, Variable::LENGTH, Variable::CLASS];
    client.subscribe_around((Domain::Place, "middle"), Domain::Vehicle, 150.0, &of_vehicle).unwrap();
    let of_person = [Variable::POSITION, Variable::SPEED, Variable::VEHICLE];
    client.subscribe_around((Domain::Place, "middle"), Domain::Person, 150.0, &of_person).unwrap();
    client.subscribe(Domain::Simulation, "", &[Variable::TIME, Variable::EXPECTED]).unwrap();

    let (mut seen, mut walked, mut left) = (0, 0, false);
    for step in 1..=800 {
        let updates = client.step(0.0).unwrap();
        for update in updates {
            match update {
                Update::Around { id, domain: Domain::Vehicle, objects } => {
                    assert_eq!(id, "middle");
                    left |= objects.is_empty() && seen > 0;
                    for (name, values) in objects {
                        assert_eq!(name, "one");
                        assert_eq!(values[&Variable::LENGTH].number(), Some(12.0));
                        assert_eq!(values[&Variable::CLASS].text(), Some("truck"));
                        assert!((values[&Variable::ANGLE].number().unwrap() - 90.0).abs() < 1e-9, "it drives east");
                        let [x, y] = values[&Variable::POSITION].position().unwrap();
                        assert!((0.0..251.0).contains(&x) && y.abs() < 10.0, "{x} {y}");
                        seen += 1;
                    }
                }
                Update::Around { domain: Domain::Person, objects, .. } => {
                    for (name, values) in objects {
                        assert_eq!(name, "walker");
                        assert_eq!(values[&Variable::VEHICLE].text(), Some(""), "it rides in nothing");
                        assert!(values[&Variable::SPEED].number().unwrap() < 3.0);
                        walked += 1;
                    }
                }
                Update::Object { domain, values, .. } => {
                    assert_eq!(domain, Domain::Simulation);
                    let time = values[&Variable::TIME].number().unwrap();
                    assert!((time - 0.05 * f64::from(step)).abs() < 1e-6, "{time} after {step} steps");
                }
                other => panic!("{other:?} was not asked for"),
            }
        }
    }
    assert!(seen > 200 && walked > 700, "{seen} {walked}");
    assert!(left, "15 m/s for 40 s: the lorry has left the circle");
    client.close().unwrap();
}

#[test]
fn signals_are_set_and_mistakes_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_running, mut client)) = start(folder.path()) else { return };
    let Value::Texts(ids) = client.get(Domain::TrafficLight, Variable::IDS, "").unwrap() else { panic!("no list") };
    assert_eq!(ids, ["m"]);
    client.set(Domain::TrafficLight, Variable::SET_PHASE, "m", &Value::Integer(1)).unwrap();
    client.set(Domain::TrafficLight, Variable::SET_PHASE_LEFT, "m", &Value::Double(2.0)).unwrap();
    let phase = |client: &mut Client<_>| client.get(Domain::TrafficLight, Variable::PHASE, "m").unwrap();
    assert_eq!(phase(&mut client), Value::Integer(1));
    for _ in 0..50 {
        client.step(0.0).unwrap();
    }
    assert_ne!(phase(&mut client), Value::Integer(1), "the two seconds are over");
    let error = client.get(Domain::Vehicle, Variable::SPEED, "nobody").unwrap_err().to_string();
    assert!(error.contains("nobody") && error.contains("Vehicle"), "{error}");
    client.step(0.0).unwrap();
}

#[test]
fn where_there_is_no_sumo_the_message_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let words = find_program("sumo", Some(folder.path())).unwrap_err().to_string();
    assert!(
        words.contains("pip install eclipse-sumo") && words.contains(&folder.path().display().to_string()),
        "{words}"
    );
}
