//! The conformance suite of stores: each method of the port, and its promises of atomicity, order and isolation.
//!
//! `chinwag_testkit::store_suite!(open)` makes each case a test, where `open` is an `async fn(Arc<dyn Bus>) -> Opened` that
//! returns an empty store. A case that the macro does not list fails a test of this crate.

pub mod audit;
pub mod ban;
pub mod bot;
pub mod export;
pub mod feed;
pub mod file;
mod fixture;
pub mod follower;
pub mod group;
pub mod import;
pub mod invite;
pub mod job;
pub mod key;
pub mod log;
pub mod mark;
pub mod membership;
pub mod mention;
pub mod message;
mod numbers;
pub mod oidc;
pub mod open_group;
pub mod page;
pub mod pin;
pub mod push;
pub mod reaction;
pub mod relation;
pub mod report;
pub mod retention;
pub mod search;
pub mod search_index;
pub mod send;
pub mod session;
pub mod stamp;
pub mod standing;
pub mod summary;
pub mod task;
pub mod thread;
pub mod token;
pub mod user;
pub mod version;
pub mod webhook;

use self::fixture::uuid;
pub use self::fixture::{Fixture, Opened, bare_details, body, client_id, date, name, numbered_event};
pub use self::numbers::Numbers;

/// Makes each case a test. See [`crate::store`].
#[macro_export]
macro_rules! store_suite {
    ($open:path) => {
        $crate::store_suite! { @ $open;
            audit {
                audit_is_paged_from_the_newest_by_each_filter
                old_entries_of_the_audit_are_removed_in_steps
            }
            ban {
                bans_are_of_one_group_and_in_order_of_name
                bans_follow_a_rename_and_end_with_user_and_group
            }
            bot {
                a_key_is_found_by_its_hash_and_listed_with_its_bot
                an_incoming_hook_ends_with_its_group
                secrets_of_a_bot_end_with_it
            }
            export {
                written_groups_are_those_that_a_user_is_or_was_in
                written_messages_are_of_one_author_in_order
                written_reactions_are_of_one_user_in_order
            }
            feed {
                feed_is_off_until_it_is_switched_on
                a_row_of_the_feed_is_read_as_it_was_kept
                rows_are_numbered_once_in_their_order
                removed_rows_of_the_feed_are_known_by_its_bounds
                a_reader_of_the_feed_misses_nothing_of_many_writers
                an_event_of_a_clock_that_was_ahead_is_removed
            }
            file {
                a_file_is_reserved_then_complete_then_attached
                sizes_are_summed_for_each_user_and_for_all
                a_quota_holds_for_reservations_that_come_together
                the_number_of_a_users_files_is_bounded
                refused_removals_wait_behind_others
                a_removal_postponed_by_a_clock_set_back_is_due
                ids_without_a_row_are_unknown
                files_end_with_their_messages_group_and_user
                files_of_a_deleted_user_are_attached_to_no_message
                expired_files_are_dropped_and_gone_ones_forgotten
                avatars_stay_until_their_user_or_group_ends
                files_of_an_owner_are_paged_without_dropped_ones
            }
            follower {
                new_follower_has_no_holder_and_no_position
                lease_is_taken_once_for_each_sign
                only_one_of_many_takers_gets_a_lease
                step_of_an_ended_lease_is_refused
                position_is_kept_from_term_to_term
                released_lease_has_ended
                silent_holder_loses_its_lease_and_its_step
                holder_takes_its_own_lease_at_once
                expired_tokens_are_purged_by_one_node_at_a_time
                undone_step_leaves_no_position
            }
            group {
                a_new_group_is_empty_and_has_the_name_it_was_given
                a_pairs_private_group_is_found_in_either_order
                a_pair_has_one_private_group_in_whichever_order_it_is_named
                private_groups_do_not_count_as_groups_of_a_user
                groups_are_paged_in_the_order_of_their_ids
                a_group_takes_another_name
                details_of_a_group_are_kept_and_shown_with_it
                entries_are_paged_by_number_with_their_changes
                a_deleted_group_leaves_nothing
                a_log_gives_its_numbers_in_order_one_or_several_at_a_time
                a_number_of_a_log_is_taken_once
                members_are_in_the_order_of_coming_then_of_number
                a_member_with_another_role_keeps_its_date_of_coming
                a_removed_member_can_rejoin_later
                a_view_shows_the_twenty_newest_messages_and_names_as_they_are_now
                heads_and_memberships_of_many_are_read
                brief_view_has_no_messages_and_lists_small_groups_only
            }
            import {
                imported_records_are_found_by_kind_and_id
                a_record_outlives_what_it_names
                messages_that_come_together_are_kept_all_or_none
                existing_and_erased_messages_are_located
            }
            invite {
                an_invite_is_kept_and_stands_until_it_expires
                an_invite_ends_with_its_last_use
                invites_end_with_the_membership_of_their_maker
                expired_invites_are_purged_and_no_others
            }
            job {
                a_jobs_result_is_returned_to_its_caller
                a_job_reads_its_own_changes_and_those_committed_before
                a_failed_job_changes_and_publishes_nothing
                a_job_that_panics_changes_nothing_and_the_next_one_runs
                a_read_job_that_panics_is_a_fault_and_the_next_ones_run
                a_refused_job_undoes_only_its_own_changes
                concurrent_writers_publish_each_number_once_in_order
                events_follow_the_commit_and_precede_the_answer
                the_events_of_one_job_stay_together_in_their_order
                a_job_without_events_publishes_nothing
                a_read_job_sees_one_snapshot
                an_abandoned_job_commits_and_publishes
                a_store_that_can_commit_is_ready
            }
            key {
                a_scoped_key_is_read_as_it_was_kept
                ended_scoped_keys_are_purged
            }
            log {
                every_number_has_its_entry_with_the_message_as_it_stands
                a_log_is_read_in_parts_without_a_gap
                a_deleted_user_leaves_no_name_in_a_log
                an_unknown_entry_of_a_newer_version_keeps_its_number
                resume_of_many_deletions_comes_in_small_pages
            }
            mark {
                without_a_mark_everything_is_unread
                a_mark_moves_forward_and_back
                only_later_existing_messages_of_others_are_unread
                unread_counts_up_to_its_limit
                unread_of_groups_is_the_sum_of_their_marks
                unread_is_what_counting_one_by_one_gives
                a_returning_member_keeps_its_mark_and_has_none_unread
            }
            membership {
                a_membership_has_its_role_and_is_pending_or_blocked
                members_of_a_role_are_paged_by_joining_and_found_by_name
                members_are_found_by_similar_names
                slow_mode_counts_from_the_newest_message_deleted_or_not
                settings_of_a_group_are_kept_until_the_membership_ends
                a_hidden_group_is_hidden_until_its_next_message
                unread_leaves_out_muted_and_pending_groups
                pending_members_count_nowhere
                the_oldest_pending_groups_are_those_beyond_the_kept
                pending_groups_beyond_the_kept_are_those_of_busy_owners
                consent_facts_are_read_for_each_user
                settings_are_kept_and_begin_with_the_defaults
                hidden_readers_of_a_group_are_found
                a_held_log_answers_its_last_number
            }
            mention {
                a_message_names_the_mentioned_users_by_their_names_now
                mentions_distinguish_members_from_others
                unread_mentions_of_a_user_and_of_everyone_count
                mentions_by_blocked_users_do_not_count
                other_mentions_take_the_place_of_a_messages_own
                mentioned_counts_up_to_its_limit
                a_retry_is_known_by_the_hash_that_was_set
                mentions_end_with_their_user_and_their_group
            }
            message {
                a_message_is_read_as_it_was_kept
                a_detail_is_kept_with_its_message_and_apart_from_reactions
                a_message_has_its_authors_name_now
                an_id_that_was_used_is_a_conflict_in_any_group
                a_client_id_makes_one_message_per_author_and_group
                a_client_ids_message_is_found_with_its_first_body
                an_edited_message_has_its_new_body_and_the_date_of_the_edit
                a_reply_names_its_original_while_that_exists
                an_erased_message_is_found_nowhere
                messages_of_one_author_are_listed_in_order
            }
            oidc {
                provider_identity_finds_its_user_alone
                provider_identity_ends_with_its_user
            }
            open_group {
                open_groups_are_found_by_the_beginning_of_a_name
                open_groups_are_paged_by_name_with_their_members
                a_group_is_listed_while_it_is_open_and_stands
            }
            page {
                the_newest_page_goes_backwards_from_the_end
                a_page_before_or_after_a_number_leaves_that_number_out
                a_page_by_date_begins_at_the_nearest_date_and_goes_on_by_number
                the_newest_message_at_a_number_is_at_it_or_before
                the_message_at_a_date_is_the_last_at_it_or_before
                dates_are_kept_to_the_microsecond_from_the_first_to_the_last
                every_page_of_any_log_is_what_its_edge_says
                pages_begin_after_the_oldest_erased_messages
            }
            pin {
                pins_are_listed_from_the_last_one_and_marked
                a_pin_stays_beside_reactions_and_edits
                the_log_shows_a_pin_with_its_message
                pins_of_erased_messages_and_gone_authors_are_not_read
            }
            reaction {
                a_reaction_is_shown_by_its_message_and_listed
                a_message_names_the_first_users_of_each_emoji
                a_removed_reaction_makes_room_for_the_next_user
                reactions_follow_a_rename_and_end_with_their_user
                the_log_shows_a_reaction_with_its_message
                an_erased_message_leaves_no_reaction
                reactions_of_erased_messages_go_in_steps
            }
            relation {
                both_rows_of_two_users_are_set_and_seen_from_either_side
                relations_are_names_by_kind_in_ascending_order
                relations_follow_a_rename
                only_a_users_own_contacts_invitations_and_blocks_are_counted
                the_oldest_received_invitations_are_dropped
                blocks_are_found_in_either_direction
                contacts_are_in_the_order_of_their_numbers
                acquaintances_share_a_group_or_a_relation_and_come_once_without_oneself
                acquainted_are_those_who_share_a_group_or_a_relation
                companions_have_accepted_a_group_that_both_are_in
                circle_is_paged_in_the_order_of_making
            }
            report {
                report_is_kept_with_the_names_of_its_users
                reports_are_paged_from_the_newest
                reports_of_a_reporter_are_paged_from_the_oldest
                old_closed_reports_are_deleted
                reported_text_ends_with_its_author_and_its_time
            }
            retention {
                groups_with_old_messages_are_found_in_pages
                days_of_a_group_count_beside_the_servers_time
                old_messages_are_listed_from_the_oldest
                erasure_of_old_messages_waits_for_other_tasks
                group_that_cannot_be_erased_holds_up_no_other
                nothing_old_is_erased_just_after_the_clock_has_jumped
            }
            search {
                candidates_of_each_group_are_the_newest_by_date
                candidates_are_read_as_they_stand
            }
            search_index {
                index_finds_what_the_texts_have
                index_has_messages_up_to_its_position
                hits_in_other_groups_do_not_count
                places_are_in_order_whatever_the_order_of_indexing
                text_with_too_many_terms_is_always_found
                thousand_queries_find_what_a_scan_finds
                many_removed_messages_are_found_no_more
                a_clock_set_back_delays_no_cleaning
            }
            send {
                each_send_is_decided_as_the_rule_decides_it
                token_of_a_suspended_user_sends_nothing
                a_reply_that_was_sent_has_its_root_as_it_stands
                sends_that_come_together_keep_their_order
                messages_with_mentions_keep_their_order_among_others
                messages_are_published_once_with_their_numbers
                a_client_id_twice_in_one_batch_is_one_message
                pending_member_accepts_by_sending
            }
            session {
                sessions_are_the_valid_tokens_from_the_newest
                uses_are_noted_and_the_first_client_stays
            }
            stamp {
                a_point_finds_what_changed_after_it
                joining_and_accepting_change_a_group
                departures_are_found_until_the_user_returns
                profiles_of_contacts_and_pairs_are_found
                old_departures_are_removed_and_known
                no_change_of_many_writers_is_missed
            }
            standing {
                standing_of_a_user_is_kept_as_it_was_set
                suspension_is_found_with_tokens_and_names
            }
            summary {
                summaries_are_what_view_and_mark_say_of_each_group
                summaries_come_in_the_order_asked_for_and_as_short
                position_has_head_and_date_of_newest_message
                erasing_the_newest_message_uncovers_the_one_before
                erasing_after_many_erasures_keeps_the_date
            }
            task {
                tasks_are_done_in_the_order_in_which_they_were_begun
                tasks_that_are_left_out_hold_up_no_other
                a_task_that_fails_is_tried_again_after_others
                data_of_a_deleted_user_is_found_nowhere
                traces_of_a_deleted_user_are_removed_one_by_one
                messages_deleted_together_are_one_entry_of_the_log
                a_group_that_is_no_more_is_erased_in_parts
                leftovers_of_a_deleted_group_count_nowhere
                a_group_that_was_handed_over_keeps_its_new_owner
                erasure_of_a_user_does_not_wait_for_its_ended_groups
            }
            thread {
                a_root_shows_its_replies_wherever_it_is_read
                a_root_steps_back_with_its_replies
                replies_outlive_their_root
                a_thread_and_the_rest_of_a_group_are_paged
                a_retry_finds_the_thread_of_the_first
                replies_are_counted_up_to_a_bound
            }
            token {
                a_token_is_found_by_its_hash_with_its_users_name_now
                a_dropped_token_is_gone_and_was_there_once
                all_tokens_of_one_user_and_no_other_are_dropped
                all_other_tokens_of_a_user_are_dropped
                trimming_keeps_the_newest_tokens_and_all_tickets
                only_expired_tokens_are_purged
                no_more_than_a_thousand_are_purged_at_a_time
                valid_tokens_are_found_among_many
            }
            user {
                a_user_is_found_by_number_and_by_name_in_any_case
                users_are_answered_in_the_order_of_their_names_with_none_for_the_unknown
                a_name_that_is_taken_in_another_case_or_looks_taken_makes_no_user
                a_rename_frees_the_old_name_and_takes_the_new_one
                ones_own_name_is_no_hindrance_to_a_rename
                a_rename_to_anothers_name_changes_nothing
                users_are_paged_in_the_order_of_their_making
                users_match_by_the_beginning_of_a_name_or_display_name
                a_number_is_never_given_again
                a_password_is_kept_and_replaced
                a_deleted_user_leaves_nothing
                a_deleted_users_erased_messages_keep_their_places
                a_name_is_kept_to_the_byte
                an_origin_is_the_hosts_until_it_is_set
                a_profile_is_kept_and_cleared
                cards_are_of_users_with_a_profile_in_order_of_name
                the_time_of_several_users_is_set_at_once
                a_password_is_taken_away
                a_held_name_is_held_until_its_date
                held_names_are_purged_after_their_date
            }
            push {
                keys_are_kept_once
                a_subscription_is_read_as_it_was_kept
                a_subscription_ends_with_its_token_and_its_user
                a_notification_due_by_a_clock_set_back_is_due
                ended_subscriptions_are_purged
                facts_are_of_members_in_order
                a_notification_waits_once_for_each_group
                notification_that_was_not_sent_is_put_back
                the_oldest_of_too_many_notifications_goes
                event_that_cannot_be_decided_stops_no_others
            }
            webhook {
                a_webhook_is_read_as_it_was_kept
                a_position_moves_in_its_own_queue_alone
                the_newest_attempts_are_kept
                an_event_due_by_a_clock_set_back_is_due
                waiting_events_are_due_one_of_each_lane
                a_queue_is_erased_in_parts
            }
        }
    };
    (@ $open:path; $($noun:ident { $($case:ident)* })*) => {
        $(mod $noun {
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let fixture = $crate::store::Fixture::open(|bus| $open(bus)).await;
                $crate::store::$noun::$case(fixture).await;
            })*
        })*
    };
}

#[cfg(test)]
mod tests;
