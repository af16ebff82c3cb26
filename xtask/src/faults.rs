//! `cargo xtask faults`: what a roadside unit must survive, each fault made and its promise asserted.

#![allow(clippy::print_stdout, reason = "it is what was asked for")]

use crate::run::{cargo, is_there, step};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

/// Makes every fault of `docs/reliability.md`, seeded, in virtual time where that can be and with real processes where not, and
/// prints a line for each.
///
/// Example: cargo xtask faults --only clock
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only faults whose name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Kills of node and cloud each (the suite's own number is smaller).
    #[arg(long, default_value_t = 20)]
    kills: u32,
}

/// A fault, and the tests that make it and hold its promise: (package, test).
pub(crate) struct Fault {
    /// As `docs/reliability.md` names it.
    pub(crate) name: &'static str,
    tests: &'static [(&'static str, &'static str)],
}

const fn fault(name: &'static str, tests: &'static [(&'static str, &'static str)]) -> Fault {
    Fault { name, tests }
}

/// Every fault, in the order of the table in `docs/reliability.md`.
pub(crate) const FAULTS: &[Fault] = &[
    fault(
        "sensor sends garbage, NaN, oversize",
        &[
            ("jxz-ingest", "garbage_oversize_and_strangers_are_counted_apart"),
            ("jxz-ingest", "wrong_detections_are_dropped_and_the_rest_of_the_scan_is_kept"),
            ("jxz-ingest", "hostile_json_is_dropped_with_its_cause"),
        ],
    ),
    fault(
        "sensor sends late, doubled, out of order",
        &[
            ("jxz-ingest", "duplicates_are_dropped_and_frames_that_come_late_are_not"),
            ("jxz-ingest", "the_window_of_time_is_half_a_second_back_and_a_fifth_ahead"),
            ("jxz-ingest", "a_sensor_that_starts_again_is_heard_at_once_wherever_it_counts_from"),
        ],
    ),
    fault(
        "sensor silent, frozen, put up wrong, in fog",
        &[
            ("jxz-edge", "a_site_whose_sensors_say_nothing_reports_that_it_falls_short"),
            ("jxz", "sensors_put_up_wrong_are_found_out_and_made_good"),
            ("jxz-sim", "with_weather_and_faults_the_digest_is_the_same_on_one_thread_and_on_two"),
            ("jxz-sim", "fog_of_an_incident_blinds_the_cameras_there_and_nowhere_else"),
        ],
    ),
    fault(
        "more detections than can be taken",
        &[
            ("jxz-ingest", "scans_come_out_in_order_and_the_oldest_go_when_nobody_takes_them"),
            ("jxz-edge", "slow_fusion_and_dropped_scans_count_for_the_time_in_which_they_were"),
        ],
    ),
    fault(
        "broker or stream of a sensor hostile, gone and back",
        &[
            ("jxz-ingest", "our_messages_come_over_tcp_and_a_hostile_stream_ends_itself_alone"),
            ("jxz-ingest", "json_comes_from_a_broker_that_may_go_and_come_back"),
        ],
    ),
    fault(
        "clock set back or ahead, steered",
        &[
            ("jxz-edge", "when_the_clock_is_set_vehicles_hear_nothing_until_it_goes_evenly_and_then_the_new_time"),
            ("jxz-edge", "a_clock_that_is_steered_changes_nothing"),
            ("jxz-security", "a_clock_that_is_set_back_lets_no_replay_in"),
            ("jxz-cloud", "a_clock_that_is_ahead_is_flagged_and_keeps_nothing_fresh_for_longer"),
        ],
    ),
    fault(
        "nobody disciplines the clock, or it may be too wrong",
        &[
            ("jxz-edge", "with_a_clock_that_nobody_vouches_for_the_node_says_so_and_is_silent_if_it_is_to_be"),
            ("jxz-edge", "vehicles_are_told_when_the_node_falls_short_and_nothing_when_it_does_not"),
            ("jxz-edged", "the_brain_is_told_at_once_when_the_verdict_changes_and_now_and_then_otherwise"),
        ],
    ),
    fault(
        "uplink loses, delays, reorders",
        &[
            ("jxz-link", "every_record_is_acknowledged_once_through_loss_delay_and_reordering"),
            ("jxz-link", "state_that_cannot_leave_in_time_is_dropped_and_counted_and_never_sent_late"),
        ],
    ),
    fault(
        "ten minutes without uplink",
        &[
            ("jxz-tests", "ten_minutes_without_uplink_cost_no_record_and_no_order"),
            ("jxz-cloud", "a_warning_that_arrives_after_ten_minutes_without_uplink_is_stored_but_not_shown_as_current"),
        ],
    ),
    fault("outage of all 5G cells", &[("jxz-sim", "in_an_outage_of_all_cells_records_wait_and_none_is_lost")]),
    fault(
        "neighbouring nodes cut off, doubled and reordered words",
        &[
            ("jxz-sim", "a_node_that_is_cut_off_goes_on_by_itself_and_the_others_go_on_with_each_other"),
            ("jxz-sim", "doubled_and_reordered_words_change_nothing"),
        ],
    ),
    fault(
        "node killed (SIGKILL) again and again",
        &[
            ("jxz-tests", "a_node_killed_at_any_moment_loses_nothing_that_was_durable_and_nothing_comes_twice"),
            ("jxz-edged", "a_node_that_was_killed_leaves_all_but_its_last_seconds"),
        ],
    ),
    fault(
        "new version takes over, is broken, dies or hangs",
        &[
            ("jxz-tests", "a_new_process_takes_over_and_no_message_is_missing_and_no_record_comes_twice"),
            ("jxz-tests", "whatever_is_wrong_with_the_new_one_the_running_one_stays"),
            ("jxz-blackbox", "road_users_numbers_counters_and_warnings_go_on"),
            ("jxz-blackbox", "records_are_numbered_from_the_succession_on_and_what_was_seen_before_is_told"),
        ],
    ),
    fault(
        "cloud killed (SIGKILL) while records come",
        &[("jxz-tests", "a_cloud_killed_while_records_come_has_every_acknowledged_one_once")],
    ),
    fault(
        "cloud restarts",
        &[
            ("jxz-link", "a_cloud_that_restarts_loses_no_record_and_unacknowledged_ones_come_again"),
            ("jxz-cloudd", "what_is_acknowledged_is_on_disk_once_also_when_sent_again_to_a_restarted_cloud"),
            ("jxz-cloudd", "a_node_that_restarted_many_times_without_a_cloud_brings_its_earlier_boots_once_each"),
        ],
    ),
    fault(
        "disk tears writes, forgets, fills up, rots",
        &[
            ("jxz-spool", "nothing_durable_is_lost_and_nothing_comes_changed_whatever_the_disk_does"),
            ("jxz-tests", "a_disk_that_is_full_ends_no_node_and_costs_nothing_that_was_durable"),
            ("jxz-blackbox", "a_folder_that_cannot_be_written_is_counted_and_recording_goes_on_when_it_can"),
            ("jxz-blackbox", "a_damaged_file_gives_an_error_or_what_was_whole_and_never_a_panic"),
            ("jxz-cloudd", "what_was_acknowledged_is_there_after_a_restart_and_a_torn_tail_is_not"),
        ],
    ),
    fault("spool full", &[("jxz-spool", "beyond_its_bytes_health_goes_first_and_urgent_warnings_stay")]),
    fault(
        "process stopped (SIGSTOP), loop hung",
        &[
            ("jxz-edged", "a_process_that_is_stopped_gives_no_sign_of_life_and_one_that_goes_on_does"),
            ("jxz-edged", "a_live_process_whose_loop_hangs_gives_no_sign_of_life"),
            ("jxz-cloud", "a_silent_node_and_its_road_users_go_from_fresh_to_late_to_stale_to_gone"),
        ],
    ),
    fault(
        "malicious UPER, COER, protobuf",
        &[
            ("jxz-v2x", "a_third_of_a_million_changed_frames_of_day_2"),
            ("jxz-security", "of_200_000_changed_messages_none_says_anything_new"),
            ("jxz-security", "a_large_count_in_a_small_message_is_refused_at_once"),
            ("jxz-wire", "no_bytes_make_a_decoder_panic"),
            ("jxz-wire", "what_is_too_large_or_has_no_body_is_refused_before_it_is_looked_into"),
        ],
    ),
    fault(
        "forged, replayed, lying messages of vehicles",
        &[
            ("jxz-edge", "every_good_report_is_accepted_in_time_and_no_other_is"),
            ("jxz-edge", "a_vehicle_that_says_what_cannot_be_is_dropped_and_told_of"),
            ("jxz-security", "of_two_copies_under_verification_one_is_accepted"),
            ("jxz-plausibility", "copies_floods_old_news_and_frozen_positions_are_rejected"),
        ],
    ),
    fault(
        "flood of signed rubbish",
        &[
            ("jxz-security", "a_flood_of_bad_messages_costs_no_good_one_sm2"),
            ("jxz-security", "a_flood_beyond_all_capacity_harms_only_whom_it_names"),
        ],
    ),
    fault(
        "expired or revoked certificate, wrong authority",
        &[
            ("jxz-link", "the_cloud_refuses_a_node_of_another_authority"),
            ("jxz-link", "a_node_does_not_talk_to_a_cloud_of_another_authority"),
            ("jxz-security", "a_certificate_outside_its_time_or_its_permissions"),
            ("jxz-security", "a_revoked_certificate_is_refused_from_the_next_message_on"),
        ],
    ),
    fault(
        "slow clients, trickled requests",
        &[
            ("jxz-cloudd", "clients_that_trickle_do_not_keep_others_out"),
            ("jxz-cloudd", "a_console_that_does_not_keep_up_gets_the_newest_and_the_rest_is_counted"),
            ("jxz-link", "a_slow_vehicle_loses_its_oldest_messages_and_does_not_slow_the_others"),
        ],
    ),
    fault("flood of log-ins", &[("jxz-cloudd", "a_flood_of_log_ins_is_slowed_and_the_cloud_stays_up")]),
    fault(
        "map, message set or configuration of another version",
        &[
            ("jxz-edge", "a_configuration_out_of_range_changes_nothing"),
            ("jxz-wire", "a_drop_that_this_version_does_not_know_is_left_out_of_a_newer_nodes_health"),
            ("jxz-v2x", "bytes_of_a_newer_schema_lose_what_is_new_or_are_refused_as_newer"),
            ("jxz-blackbox", "another_map_and_other_settings_of_fusion_are_refused_in_words"),
        ],
    ),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let wanted = |fault: &&Fault| args.only.as_ref().is_none_or(|text| fault.name.contains(text.as_str()));
    let faults: Vec<&Fault> = FAULTS.iter().filter(wanted).collect();
    if faults.is_empty() {
        let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        bail!("no fault's name contains {:?}; there are:\n  {}", args.only, names.join("\n  "));
    }
    if !is_there("cargo", &["nextest", "--version"]) {
        bail!("faults: cargo-nextest is not installed (cargo install --locked cargo-nextest)");
    }
    step("programs", cargo().args(["build", "--workspace", "--bins", "--locked"]))?;
    let started = Instant::now();
    let outcomes = play(&faults, args.kills)?;
    let failed = tell(&faults, &outcomes);
    println!("{} faults in {:.0} s, {failed} not survived", faults.len(), started.elapsed().as_secs_f64());
    if failed > 0 {
        bail!("{failed} faults were not survived; `cargo nextest run -E 'test(NAME)'` shows why");
    }
    Ok(())
}

/// Outcome and seconds of a test.
type Outcome = (bool, f64);

/// Runs the tests of all these faults at once; their outcomes by package and name.
fn play(faults: &[&Fault], kills: u32) -> anyhow::Result<BTreeMap<(String, String), Outcome>> {
    let mut packages: Vec<&str> = faults.iter().flat_map(|fault| fault.tests).map(|(package, _)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    let tests = faults.iter().flat_map(|fault| fault.tests);
    let filter: Vec<String> =
        tests.map(|(package, name)| format!("(package({package}) & test(/(^|::){name}$/))")).collect();
    let mut command = cargo();
    command.args(["nextest", "run", "--locked", "--no-fail-fast", "--color", "never", "--status-level", "pass"]);
    for package in packages {
        command.args(["--package", package]);
    }
    command.args(["--filterset", &filter.join(" | ")]).env("JXZ_KILLS", kills.to_string());
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().context("cannot start cargo")?;
    let mut outcomes = BTreeMap::new();
    for line in BufReader::new(child.stderr.take().context("cargo says nothing")?).lines() {
        let line = line.context("cannot read what cargo says")?;
        if let Some((test, outcome)) = read(&line) {
            eprintln!("    {}", line.trim());
            outcomes.insert(test, outcome);
        }
    }
    child.wait().context("cannot wait for cargo")?;
    Ok(outcomes)
}

/// Reads `PASS [   0.021s] (1/2) jxz-link::uplink name` or the like.
fn read(line: &str) -> Option<((String, String), Outcome)> {
    let line = line.trim();
    let passed = line.starts_with("PASS [");
    if !(passed || ["FAIL [", "SIGABRT [", "SIGSEGV [", "TIMEOUT ["].iter().any(|start| line.starts_with(start))) {
        return None;
    }
    let (time, rest) = line.split_once('[')?.1.split_once(']')?;
    let seconds = time.trim().trim_end_matches('s').parse().ok()?;
    let rest = match rest.split_once(')') {
        Some((count, rest)) if count.trim_start().starts_with('(') => rest,
        _ => rest,
    };
    let (binary, name) = rest.trim().split_once(' ')?;
    let package = binary.split("::").next()?;
    let name = name.rsplit("::").next()?;
    Some(((package.to_owned(), name.to_owned()), (passed, seconds)))
}

/// Prints a line for each fault; how many were not survived.
fn tell(faults: &[&Fault], outcomes: &BTreeMap<(String, String), Outcome>) -> usize {
    let mut failed = 0;
    for fault in faults {
        let of = |test: &(&str, &str)| outcomes.get(&(test.0.to_owned(), test.1.to_owned()));
        let seconds: f64 = fault.tests.iter().filter_map(of).map(|(_, seconds)| seconds).sum();
        let wrong: Vec<String> = fault
            .tests
            .iter()
            .filter(|test| !of(test).is_some_and(|(passed, _)| *passed))
            .map(|test| format!("{}::{} {}", test.0, test.1, if of(test).is_some() { "failed" } else { "was not run" }))
            .collect();
        let verdict = if wrong.is_empty() { "survived" } else { "NOT SURVIVED" };
        println!("{verdict:>12}  {:<55} {:>2} scenarios {seconds:>7.1} s", fault.name, fault.tests.len());
        for test in &wrong {
            println!("              {test}");
        }
        failed += usize::from(!wrong.is_empty());
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::root;

    #[test]
    fn lines_of_the_test_runner_are_read() {
        let (test, outcome) = read("        PASS [   0.464s] (11/39) jxz-edge::clock a_clock_that_is_steered").unwrap();
        assert_eq!(test, ("jxz-edge".to_owned(), "a_clock_that_is_steered".to_owned()));
        assert_eq!(outcome, (true, 0.464));
        let (test, outcome) = read("FAIL [  12.000s] jxz-cloudd live::tests::a_console").unwrap();
        assert_eq!((test.0.as_str(), test.1.as_str(), outcome.0), ("jxz-cloudd", "a_console", false));
        assert!(read("   Compiling jxz-edge v0.1.0").is_none());
    }

    /// A test that was renamed would be missed only when somebody runs the faults; this finds it at once.
    #[test]
    fn every_fault_is_in_the_document_and_every_test_in_the_tree() {
        let table = std::fs::read_to_string(root().join("docs/reliability.md")).unwrap();
        let mut sources = String::new();
        gather(&root(), &mut sources);
        for fault in FAULTS {
            assert!(table.contains(&format!("| {} |", fault.name)), "docs/reliability.md has no row {:?}", fault.name);
            for (_, test) in fault.tests {
                assert!(sources.contains(&format!("fn {test}(")), "{:?}: there is no test {test}", fault.name);
            }
        }
    }

    fn gather(folder: &std::path::Path, sources: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
                gather(&path, sources);
            } else if name.ends_with(".rs") {
                sources.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
}
