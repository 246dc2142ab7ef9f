//! A short run of every workload against the server built beside this test, so that each keeps working.

use std::process::Command;

fn runs(workload: &str) {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
    let output = bench.args([workload, "--quick"]).output().expect("the program starts");
    let (table, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{table}{errors}");
    assert!(table.lines().count() > 2, "{table}{errors}");
}

macro_rules! smoke {
    ($($test:ident: $workload:literal,)*) => {
        $(#[test]
        fn $test() {
            runs($workload);
        })*
    };
}

smoke! {
    idle_sockets_are_weighed: "idle",
    one_crowd_is_told_everything_once_and_in_order: "crowd",
    many_groups_are_told_everything_once_and_in_order: "groups",
    the_time_to_delivery_is_measured: "latency",
    acknowledged_messages_are_counted: "sends",
    a_long_history_is_asked_like_a_short_one: "growth",
    everybody_comes_back: "restart",
    those_who_stop_reading_are_left_behind: "slow",
    requests_are_answered: "rest",
    members_on_two_nodes_are_told_everything_once_and_in_order: "nodes",
    a_user_of_many_groups_comes: "connect",
    unread_messages_are_counted: "unread",
    one_who_does_its_worst_is_measured: "neighbour",
    searches_are_timed_and_their_index_is_weighed: "search",
    files_are_downloaded_and_uploaded: "files",
    messages_are_counted_while_others_follow: "followers",
    start_on_a_long_history_is_timed: "start",
    soak_ends_with_every_message_once: "soak",
    growth_is_drawn_as_curves: "curves",
    costs_of_the_capacity_model_are_measured: "capacity",
    program_and_first_page_are_weighed: "size",
}
