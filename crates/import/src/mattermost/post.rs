//! Mattermost's posts. They have no ids, so a post is identified by its channel, date and author.

use chinwag_core::text::is_visible;

use super::wire::Post;
use super::{MattermostReader, channel_key, micros, unknown_user};
use crate::Result;
use crate::foreign::{ForeignFile, ForeignMessage, ForeignReaction, MessageKey};
use crate::slack::message::append_attachment;

/// The prefix of the types of system messages.
const SYSTEM: &str = "system_";

impl MattermostReader<'_> {
    pub(super) fn add_post(&mut self, post: Post, at: &str) -> Result<()> {
        let names = [&post.team, &post.channel].map(|name| name.as_deref().unwrap_or_default());
        let key = channel_key(names[0], names[1]);
        let Some(group) = self.indices.get(&key).copied() else {
            self.remarks.remark("posts of channels that the export lacks", &format!("{at}: {key}"));
            return Ok(());
        };
        self.add_thread(post, group, at)
    }

    pub(super) fn add_direct_post(&mut self, post: Post, at: &str) -> Result<()> {
        match self.direct(post.channel_members.as_deref().unwrap_or_default(), at)? {
            Some(group) => self.add_thread(post, group, at),
            None => Ok(()),
        }
    }

    /// Adds a post and its replies.
    fn add_thread(&mut self, mut post: Post, group: usize, at: &str) -> Result<()> {
        let replies = post.replies.take().unwrap_or_default();
        let root = self.add_message(&post, group, None, at)?;
        for (number, reply) in (1..).zip(replies) {
            let at = format!("{at}, reply {number}");
            if reply.replies.as_ref().is_some_and(|replies| !replies.is_empty()) {
                self.remarks.remark("replies to replies", &at);
            }
            self.add_message(&reply, group, root.as_ref(), &at)?;
        }
        Ok(())
    }

    fn add_message(
        &mut self,
        post: &Post,
        group: usize,
        root: Option<&MessageKey>,
        at: &str,
    ) -> Result<Option<MessageKey>> {
        let kind = post.kind.as_deref().unwrap_or_default();
        if kind.starts_with(SYSTEM) {
            let kind: String = kind.chars().take(40).filter(|c| !c.is_control()).collect();
            self.remarks.remark(&format!("posts of the type {kind}"), at);
            return Ok(None);
        }
        let Some(millis) = post.create_at.filter(|millis| *millis > 0) else {
            self.remarks.remark("posts without a date", at);
            return Ok(None);
        };
        let Some(user) = post.user.clone().filter(|user| !user.is_empty()) else {
            self.remarks.remark("posts without an author", at);
            return Ok(None);
        };
        let author = self.roster.find(&user, || unknown_user(&user))?;
        let key = MessageKey { key: format!("{millis}/{user}"), micros: micros(millis) };
        let message = ForeignMessage {
            key: key.key.clone(),
            author,
            micros: key.micros,
            text: text(post),
            root: root.cloned(),
            edited: post.edit_at.filter(|millis| *millis > 0).map(micros),
            is_pinned: post.is_pinned.unwrap_or(false),
            shown_as: shown_as(post),
            reactions: self.reactions(post)?,
            files: files(post),
            at: at.to_owned(),
        };
        let newest = &mut self.groups[group].newest;
        *newest = (*newest).max(Some(key.micros));
        self.named_files += message.own_files();
        self.messages.push(u32::try_from(group).unwrap_or(u32::MAX), key.micros, &message)?;
        Ok(Some(key))
    }

    fn reactions(&mut self, post: &Post) -> Result<Vec<ForeignReaction>> {
        let mut reactions = Vec::new();
        for reaction in post.reactions.iter().flatten() {
            let (Some(user), Some(emoji)) = (&reaction.user, &reaction.emoji_name) else { continue };
            let user = self.roster.find(user, || unknown_user(user))?;
            let micros = reaction.create_at.map(micros);
            reactions.push(ForeignReaction { emoji: emoji.clone(), user, micros });
        }
        Ok(reactions)
    }
}

/// The text of a post with those of its attachments, which bots create.
fn text(post: &Post) -> String {
    let mut text = post.message.clone().unwrap_or_default();
    let attachments = post.props.as_ref().and_then(|props| props["attachments"].as_array());
    for attachment in attachments.into_iter().flatten() {
        append_attachment(attachment, |link, title| format!("[{title}]({link})"), &mut text);
    }
    if post.kind.as_deref() == Some("me") && is_visible(&text) && !text.starts_with('*') {
        text = format!("*{}*", text.trim());
    }
    text
}

/// The name under which a webhook has posted.
fn shown_as(post: &Post) -> Option<String> {
    let name = post.props.as_ref()?["override_username"].as_str()?;
    is_visible(name).then(|| name.to_owned())
}

fn files(post: &Post) -> Vec<ForeignFile> {
    let paths = post.attachments.iter().flatten().filter_map(|attached| attached.path.clone());
    let file = |path: String| {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        ForeignFile { key: path, name, ..ForeignFile::default() }
    };
    paths.map(file).collect()
}
