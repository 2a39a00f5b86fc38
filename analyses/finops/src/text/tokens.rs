//! A question as tokens (words), each marked as used once a rule of the grammar has understood it.
//!
//! Unused tokens are reported in the answer as not understood.

/// Further tokens are not read. More than any question needs; it bounds the work.
const MAX_TOKENS: usize = 300;

/// The tokens of a question, in order.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    list: Vec<Token>,
    truncated: bool,
    /// The plan that was sent instead of a question, as JSON; the tokens are its words.
    plan: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// Letters and digits only, in lower case.
    pub text: String,
    /// As it was written.
    pub original: String,
    /// The characters between the previous token and this one, 8 at most.
    pub separator: String,
    used: bool,
}

impl Tokens {
    pub(crate) fn of(text: &str) -> Self {
        let mut list: Vec<Token> = Vec::new();
        let mut separator = String::new();
        let mut within = false;
        for character in text.chars() {
            if !character.is_alphanumeric() {
                within = false;
                if separator.len() < 8 {
                    separator.push(character);
                }
                continue;
            }
            if !within {
                if list.len() == MAX_TOKENS {
                    return Self {
                        list,
                        truncated: true,
                        plan: None,
                    };
                }
                list.push(Token {
                    text: String::new(),
                    original: String::new(),
                    separator: std::mem::take(&mut separator),
                    used: false,
                });
                within = true;
            }
            if let Some(token) = list.last_mut() {
                token.original.push(character);
                token.text.extend(character.to_lowercase());
            }
        }
        Self {
            list,
            truncated: false,
            plan: None,
        }
    }

    /// A plan in place of a question. Its words are tokens, so that the bill keeps what they name.
    pub(crate) fn of_plan(plan: &str) -> Self {
        Self {
            plan: Some(plan.to_string()),
            ..Self::of(plan)
        }
    }

    /// The plan that was sent in place of a question.
    pub(crate) fn plan(&self) -> Option<&str> {
        self.plan.as_deref()
    }

    pub(crate) fn is_plan(&self) -> bool {
        self.plan.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the question has more than [`MAX_TOKENS`] tokens.
    pub(crate) fn was_truncated(&self) -> bool {
        self.truncated
    }

    /// The token at `index`, unless it is past the end or already used.
    pub(crate) fn unused(&self, index: usize) -> Option<&Token> {
        self.list.get(index).filter(|token| !token.used)
    }

    /// The characters before the token at `index`.
    pub(crate) fn separator(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |token| &token.separator)
    }

    /// The text of the token at `index`, used or not; empty past the end.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |token| &token.text)
    }

    /// The text of the token at `index` if it is unused, else empty.
    pub(crate) fn unused_text(&self, index: usize) -> &str {
        self.unused(index).map_or("", |token| &token.text)
    }

    pub(crate) fn is_used(&self, index: usize) -> bool {
        self.list.get(index).is_some_and(|token| token.used)
    }

    pub(crate) fn mark_used(&mut self, from: usize, to: usize) {
        for token in self.list.iter_mut().take(to).skip(from) {
            token.used = true;
        }
    }

    /// Marks every unused token that is one of `any` as used. Returns whether there was one.
    pub(crate) fn mark_any_used(&mut self, any: &[&str]) -> bool {
        let mut found = false;
        for token in &mut self.list {
            if !token.used && any.contains(&token.text.as_str()) {
                token.used = true;
                found = true;
            }
        }
        found
    }

    /// The tokens `from..to` as they were written, with the separators between them.
    pub(crate) fn original_text(&self, from: usize, to: usize) -> String {
        let mut text = String::new();
        for (index, token) in self.list.iter().enumerate().take(to).skip(from) {
            if index > from {
                text.push_str(&token.separator);
            }
            text.push_str(&token.original);
        }
        text
    }

    /// The whole question as it was written, up to [`MAX_TOKENS`].
    pub(crate) fn whole_text(&self) -> String {
        self.original_text(0, self.len())
    }

    /// The index after the phrase that starts at `start`, or `None` where another phrase starts there. `phrase` is
    /// [`normalized`], so `dynamo db`, `dynamo-db` and `DynamoDB` are the same. Used tokens match nothing.
    pub(crate) fn phrase_at(&self, start: usize, phrase: &str) -> Option<usize> {
        let mut rest = phrase;
        let mut index = start;
        while !rest.is_empty() {
            rest = rest.strip_prefix(self.unused(index)?.text.as_str())?;
            index += 1;
        }
        (index > start).then_some(index)
    }

    /// Whether the phrase occurs anywhere among the unused tokens.
    pub(crate) fn mentions(&self, phrase: &str) -> bool {
        (0..self.len()).any(|start| self.phrase_at(start, phrase).is_some())
    }
}

/// A name in lower case without spaces and punctuation, so that different spellings compare equal.
pub(crate) fn normalized(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A noun without its plural `s`.
pub(crate) fn singular(noun: &str) -> String {
    match noun.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => noun.strip_suffix('s').unwrap_or(noun).to_string(),
    }
}
