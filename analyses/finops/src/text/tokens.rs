//! A question as words, and which of them have been understood.
//!
//! It knows no grammar: the parts that do take words from here and mark them used, so that what
//! nobody took can be told to the asker.

/// Words beyond this many are not read: more than any question needs, and it bounds the work.
const LONGEST: usize = 300;

/// The words of a question, in order.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    list: Vec<Word>,
    cut: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Word {
    /// Letters and digits only, in lower case.
    pub text: String,
    /// As it was written.
    pub raw: String,
    /// What stands between the word before and this one.
    pub gap: String,
    used: bool,
}

impl Words {
    pub(crate) fn of(text: &str) -> Self {
        let mut list: Vec<Word> = Vec::new();
        let mut gap = String::new();
        let mut within = false;
        for character in text.chars() {
            if !character.is_alphanumeric() {
                within = false;
                if gap.len() < 8 {
                    gap.push(character);
                }
                continue;
            }
            if !within {
                if list.len() == LONGEST {
                    return Self { list, cut: true };
                }
                list.push(Word {
                    text: String::new(),
                    raw: String::new(),
                    gap: std::mem::take(&mut gap),
                    used: false,
                });
                within = true;
            }
            if let Some(word) = list.last_mut() {
                word.raw.push(character);
                word.text.extend(character.to_lowercase());
            }
        }
        Self { list, cut: false }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the question was longer than what is read of it.
    pub(crate) fn was_cut(&self) -> bool {
        self.cut
    }

    /// The word at `index`, unless it is past the end or already used.
    pub(crate) fn free(&self, index: usize) -> Option<&Word> {
        self.list.get(index).filter(|word| !word.used)
    }

    /// The text of the word at `index`, used or not; empty past the end.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |word| &word.text)
    }

    /// The text of the free word at `index`; empty where there is none.
    pub(crate) fn free_text(&self, index: usize) -> &str {
        self.free(index).map_or("", |word| &word.text)
    }

    pub(crate) fn is_used(&self, index: usize) -> bool {
        self.list.get(index).is_some_and(|word| word.used)
    }

    pub(crate) fn take(&mut self, from: usize, to: usize) {
        for word in self.list.iter_mut().take(to).skip(from) {
            word.used = true;
        }
    }

    /// Takes each of these words wherever it is free, and says whether there was one.
    pub(crate) fn take_any(&mut self, any: &[&str]) -> bool {
        let mut taken = false;
        for word in &mut self.list {
            if !word.used && any.contains(&word.text.as_str()) {
                word.used = true;
                taken = true;
            }
        }
        taken
    }

    /// The question's own spelling of the words in `from..to`.
    pub(crate) fn quote(&self, from: usize, to: usize) -> String {
        let mut quoted = String::new();
        for (index, word) in self.list.iter().enumerate().take(to).skip(from) {
            if index > from {
                quoted.push_str(&word.gap);
            }
            quoted.push_str(&word.raw);
        }
        quoted
    }

    /// The whole as it was written.
    pub(crate) fn text_of_all(&self) -> String {
        self.quote(0, self.len())
    }

    /// Where the phrase ends that starts at `start` and is `joined` without its separators, so that
    /// `dynamo db`, `dynamo-db` and `DynamoDB` are one. `None` where another phrase stands.
    pub(crate) fn phrase_at(&self, start: usize, joined: &str) -> Option<usize> {
        let mut rest = joined;
        let mut index = start;
        while !rest.is_empty() {
            rest = rest.strip_prefix(self.free(index)?.text.as_str())?;
            index += 1;
        }
        (index > start).then_some(index)
    }

    /// Whether the phrase stands anywhere.
    pub(crate) fn mention(&self, joined: &str) -> bool {
        (0..self.len()).any(|start| self.phrase_at(start, joined).is_some())
    }
}

/// A name without case, spaces and punctuation: what two spellings of it have in common.
pub(crate) fn joined(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A noun without the `s` of its plural.
pub(crate) fn singular(noun: &str) -> String {
    match noun.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => noun.strip_suffix('s').unwrap_or(noun).to_string(),
    }
}
