//! From the characters of a pattern to states.

use super::SLASH;

/// One step of a pattern; the step after it is the next in the list unless said otherwise.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// One character of a class.
    One(Class),
    /// Any number of characters, slashes among them or not.
    Many { slashes: bool },
    /// Goes on at each of these places, taking no character.
    Either(Vec<usize>),
    /// The pattern is done.
    End,
}

/// Some of all characters.
#[derive(Clone, Debug)]
pub(super) struct Class {
    negated: bool,
    ranges: Vec<(u32, u32)>,
}

impl Class {
    pub(super) fn contains(&self, character: u32) -> bool {
        let within = self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
        // A slash is only ever matched by a slash: the class that excludes nothing stands for `?`.
        if self.negated { !within && character != SLASH } else { within }
    }

    fn only(character: u32) -> Self {
        Self { negated: false, ranges: vec![(character, character)] }
    }
}

enum Token {
    Class(Class),
    Star,
    StarStar,
    Open,
    Comma,
    Close,
}

pub(super) fn compile(pattern: &[u32]) -> Vec<State> {
    let mut states = Vec::new();
    // For each open brace: where its choice stands, and where the ends of its patterns stand that must jump behind it.
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let tokens = tokens(pattern);
    let closed = closed_braces(&tokens);
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let matched = closed.get(index).copied().unwrap_or_default();
        match token {
            Token::Class(class) => states.push(State::One(class.clone())),
            Token::Star => states.push(State::Many { slashes: false }),
            Token::StarStar => {
                let slash = tokens.get(index + 1).is_some_and(is_slash);
                if slash {
                    // `**/` is nothing, or anything that ends with a slash.
                    let here = states.len();
                    states.push(State::Either(vec![here + 1, here + 3]));
                    states.push(State::Many { slashes: true });
                    states.push(State::One(Class::only(SLASH)));
                    index += 1;
                } else {
                    states.push(State::Many { slashes: true });
                }
            }
            Token::Open if matched => {
                open.push((states.len(), Vec::new()));
                let first = states.len() + 1;
                states.push(State::Either(vec![first]));
            }
            Token::Comma if matched => {
                if let Some((choice, ends)) = open.last_mut() {
                    ends.push(states.len());
                    states.push(State::Either(Vec::new()));
                    let next = states.len();
                    if let Some(State::Either(targets)) = states.get_mut(*choice) {
                        targets.push(next);
                    }
                }
            }
            Token::Close if matched => {
                let behind = states.len();
                for end in open.pop().map(|(_, ends)| ends).unwrap_or_default() {
                    if let Some(State::Either(targets)) = states.get_mut(end) {
                        targets.push(behind);
                    }
                }
            }
            Token::Open => states.push(State::One(Class::only('{'.into()))),
            Token::Comma => states.push(State::One(Class::only(','.into()))),
            Token::Close => states.push(State::One(Class::only('}'.into()))),
        }
        index += 1;
    }
    states.push(State::End);
    states
}

fn is_slash(token: &Token) -> bool {
    matches!(token, Token::Class(class) if !class.negated && class.ranges == [(SLASH, SLASH)])
}

/// Which of the tokens are braces that have a partner, or commas directly in such braces.
fn closed_braces(tokens: &[Token]) -> Vec<bool> {
    let mut closed = vec![false; tokens.len()];
    let mut open: Vec<Vec<usize>> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Open => open.push(vec![index]),
            Token::Comma => {
                if let Some(group) = open.last_mut() {
                    group.push(index);
                }
            }
            Token::Close => {
                if let Some(group) = open.pop() {
                    for index in group.into_iter().chain([index]) {
                        if let Some(mark) = closed.get_mut(index) {
                            *mark = true;
                        }
                    }
                }
            }
            _ => {}
        }
    }
    closed
}

fn tokens(pattern: &[u32]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    // Once no class could be closed, none further on can, and looking again would take quadratic time.
    let mut classes = true;
    while let [first, after @ ..] = rest {
        rest = after;
        let token = match char::from_u32(*first) {
            Some('\\') => match after {
                [escaped, after @ ..] => {
                    rest = after;
                    Token::Class(Class::only(*escaped))
                }
                [] => Token::Class(Class::only(*first)),
            },
            Some('?') => Token::Class(Class { negated: true, ranges: Vec::new() }),
            Some('*') => {
                let stars = after.iter().take_while(|next| **next == u32::from('*')).count();
                rest = after.get(stars..).unwrap_or_default();
                let starts =
                    tokens.last().is_none_or(|last| is_slash(last) || matches!(last, Token::Open | Token::Comma));
                let ends = rest.first().is_none_or(|next| matches!(char::from_u32(*next), Some('/' | ',' | '}')));
                if stars == 1 && starts && ends { Token::StarStar } else { Token::Star }
            }
            Some('[') if classes => match class(after) {
                Some((class, after)) => {
                    rest = after;
                    Token::Class(class)
                }
                None => {
                    classes = false;
                    Token::Class(Class::only(*first))
                }
            },
            Some('{') => Token::Open,
            Some(',') => Token::Comma,
            Some('}') => Token::Close,
            _ => Token::Class(Class::only(*first)),
        };
        tokens.push(token);
    }
    tokens
}

/// Reads a class behind its bracket; nothing when it is not closed.
fn class(text: &[u32]) -> Option<(Class, &[u32])> {
    let negated = matches!(text.first().copied().and_then(char::from_u32), Some('!' | '^'));
    let mut rest = text.get(usize::from(negated)..)?;
    let mut ranges = Vec::new();
    let mut is_first = true;
    loop {
        let (character, escaped, after) = member(rest)?;
        if character == u32::from(']') && !escaped && !is_first {
            // A slash in a class would make it span components.
            ranges.retain(|range| *range != (SLASH, SLASH));
            return Some((Class { negated, ranges }, after));
        }
        rest = after;
        is_first = false;
        let range = match rest {
            [dash, end @ ..] if *dash == u32::from('-') && end.first() != Some(&u32::from(']')) => member(end),
            _ => None,
        };
        match range {
            Some((last, _, after)) => {
                rest = after;
                // Around the slash, which is never a member.
                ranges.extend([(character, last.min(SLASH - 1)), (character.max(SLASH + 1), last)]);
            }
            None => ranges.push((character, character)),
        }
    }
}

fn member(text: &[u32]) -> Option<(u32, bool, &[u32])> {
    match text {
        [first, escaped, rest @ ..] if *first == u32::from('\\') => Some((*escaped, true, rest)),
        [first, rest @ ..] => Some((*first, false, rest)),
        [] => None,
    }
}
