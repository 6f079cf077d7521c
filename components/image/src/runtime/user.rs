//! The user of a process, by the image's own files (conversion.md#configuser).

use super::invalid;
use crate::error::{Error, Result};

/// How many bytes of a passwd or group file are read; the lines behind are as if they were not there.
///
/// The largest real files have some ten thousand lines. What an image ships there is not for us to trust.
pub const FILE_BYTES: usize = 8 << 20;

/// What Linux takes in setgroups, `NGROUPS_MAX`.
const ADDITIONAL_GIDS: usize = 65_536;

/// The user of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The groups of which a named user is a member, in the order of the file, without `gid`.
    pub additional_gids: Vec<u32>,
    /// The home directory that the passwd file has for the user.
    pub home: Option<String>,
}

/// Resolves the `User` of an image config by the bytes of the image's passwd and group files.
///
/// The forms are `user`, `uid`, `user:group`, `uid:gid`, `uid:group`, `user:gid` (C-07). What is numeric is taken as it
/// stands (V-09), even where the file has such a name. A uid without group takes the primary group of the first line
/// that has it, or 0. Additional groups are a named user's, when no group is given (V-10). Empty is uid 0 and gid 0, as
/// everywhere (V-12).
///
/// Lines that are malformed are skipped.
///
/// # Errors
/// [`Error::UserNotFound`] for a name that is not in the files (V-11). [`Error::InvalidDocument`] for an id that is more
/// than 4294967294, which would wrap to another user (CVE-2024-40635), and for more than 65536 groups.
pub fn resolve_user(text: &str, passwd: Option<&[u8]>, group: Option<&[u8]>) -> Result<User> {
    let (name, group_name) = match text.split_once(':') {
        Some((name, group)) => (name, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    };
    let passwd = || lines(passwd);
    let id = if name.is_empty() { Some(0) } else { number(name, text)? };
    let mut user = match id {
        Some(uid) => {
            let entry = passwd().find_map(|line| account(line).filter(|user| user.uid == uid));
            let gid = entry.as_ref().map_or(0, |entry| entry.gid);
            User { uid, gid: if name.is_empty() { 0 } else { gid }, ..entry.unwrap_or_default() }
        }
        None => find_account(passwd(), name)?,
    };
    match group_name {
        Some(group_name) => {
            user.gid = match number(group_name, text)? {
                Some(gid) => gid,
                None => find_group(lines(group), group_name)?,
            };
        }
        None if id.is_none() => {
            user.additional_gids = memberships(lines(group), name, user.gid)?;
        }
        None => {}
    }
    Ok(user)
}

/// A text of digits as an id; nothing when it is a name.
fn number(word: &str, text: &str) -> Result<Option<u32>> {
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match word.parse() {
        // The last one means "unchanged" to the kernel.
        Ok(id) if id != u32::MAX => Ok(Some(id)),
        _ => Err(invalid("/config/User", format!("an id is at most 4294967294, found {text:?}"))),
    }
}

fn lines(file: Option<&[u8]>) -> impl Iterator<Item = Vec<&[u8]>> {
    let file = file.unwrap_or_default();
    let read = match file.get(..FILE_BYTES) {
        // Half a line could have half an id.
        Some(head) => head.rsplitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default(),
        None => file,
    };
    read.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).map(|line| line.splitn(8, |byte| *byte == b':').collect())
}

fn field_id(field: &[u8]) -> Option<u32> {
    let digits = !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(field).ok().filter(|_| digits)?.parse().ok().filter(|id| *id != u32::MAX)
}

/// `name:password:uid:gid:comment:home:shell`
fn account(line: Vec<&[u8]>) -> Option<User> {
    let [_, _, uid, gid, rest @ ..] = line.as_slice() else { return None };
    let home = rest.get(1).and_then(|home| std::str::from_utf8(home).ok());
    let home = home.filter(|home| home.starts_with('/') && !home.contains('\0')).map(str::to_owned);
    Some(User { uid: field_id(uid)?, gid: field_id(gid)?, additional_gids: Vec::new(), home })
}

fn find_account<'a>(mut lines: impl Iterator<Item = Vec<&'a [u8]>>, name: &str) -> Result<User> {
    let not_found = || Error::UserNotFound { kind: "user", name: name.to_owned(), file: "/etc/passwd" };
    let found = lines.find_map(|line| {
        let named = line.first() == Some(&name.as_bytes());
        let ids = line.get(2..4).unwrap_or_default();
        match named {
            true if ids.iter().any(|id| is_too_large(id)) => {
                let reason = format!("user {name:?} has an id of more than 4294967294 in /etc/passwd");
                Some(Err(invalid("/config/User", reason)))
            }
            true => account(line).map(Ok),
            false => None,
        }
    });
    found.unwrap_or_else(|| Err(not_found()))
}

fn is_too_large(field: &[u8]) -> bool {
    !field.is_empty() && field.iter().all(u8::is_ascii_digit) && field_id(field).is_none()
}

/// `name:password:gid:member,member`
fn find_group<'a>(mut lines: impl Iterator<Item = Vec<&'a [u8]>>, name: &str) -> Result<u32> {
    let not_found = || Error::UserNotFound { kind: "group", name: name.to_owned(), file: "/etc/group" };
    let found = lines.find_map(|line| match line.as_slice() {
        [found, _, gid, ..] if *found == name.as_bytes() => {
            let reason = || format!("group {name:?} has an id of more than 4294967294 in /etc/group");
            let too_large = is_too_large(gid).then(|| Err(invalid("/config/User", reason())));
            too_large.or_else(|| field_id(gid).map(Ok))
        }
        _ => None,
    });
    found.unwrap_or_else(|| Err(not_found()))
}

fn memberships<'a>(lines: impl Iterator<Item = Vec<&'a [u8]>>, name: &str, primary: u32) -> Result<Vec<u32>> {
    let mut seen = std::collections::HashSet::from([primary]);
    let mut gids = Vec::new();
    for line in lines {
        let [_, _, gid, members, ..] = line.as_slice() else { continue };
        if !members.split(|byte| *byte == b',').any(|member| member.trim_ascii() == name.as_bytes()) {
            continue;
        }
        let Some(gid) = field_id(gid) else { continue };
        if seen.insert(gid) {
            gids.push(gid);
        }
        if gids.len() > ADDITIONAL_GIDS {
            let reason = format!("user {name:?} is in more than {ADDITIONAL_GIDS} groups of /etc/group");
            return Err(invalid("/config/User", reason));
        }
    }
    Ok(gids)
}
