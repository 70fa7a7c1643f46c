//! The words of conditions and transforms, each with the way it is written and a sentence on what it does: what an editor
//! completes and explains. The names are those that the compiler knows, no more and no less.

/// One word of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it is or does.
    pub help: &'static str,
}

const fn word(name: &'static str, usage: &'static str, help: &'static str) -> Word {
    Word { name, usage, help }
}

/// What stands in an expression for something of the sample.
pub const VARIABLES: [Word; 8] = [
    word("value", "value", "the value of the sample; behind a step, what that step made"),
    word("quality", "quality", "\"good\", \"uncertain\" or \"bad\""),
    word("reason", "reason", "the reason of the quality, for example \"stale\"; \"\" where there is none"),
    word("age", "age", "seconds since the source says that the value was true"),
    word("previous", "previous", "the value that the datapoint had before this sample, null for the first one"),
    word("tag", "tag", "the tag of the source"),
    word("source", "source", "the instance of the source"),
    word("time", "time", "when the source says that it was true, in milliseconds since 1970 UTC"),
];

/// What can be called in an expression.
pub const FUNCTIONS: [Word; 22] = [
    word("abs", "abs(x)", "the number without its sign"),
    word("min", "min(x, …)", "the smallest of up to 64 numbers"),
    word("max", "max(x, …)", "the largest of up to 64 numbers"),
    word("round", "round(x, digits)", "rounded half away from zero; negative digits are tens, hundreds, …"),
    word("floor", "floor(x)", "the next whole number below"),
    word("ceil", "ceil(x)", "the next whole number above"),
    word("sqrt", "sqrt(x)", "the square root"),
    word("pow", "pow(x, y)", "x to the power of y"),
    word("contains", "contains(text, part)", "whether the part stands in the text"),
    word("starts_with", "starts_with(text, part)", "whether the text begins with the part"),
    word("ends_with", "ends_with(text, part)", "whether the text ends with the part"),
    word("lower", "lower(text)", "in small letters"),
    word("upper", "upper(text)", "in capital letters"),
    word("len", "len(text)", "the number of characters"),
    word("trim", "trim(text)", "without the blanks around it"),
    word("replace", "replace(text, from, to)", "with each `from` replaced"),
    word("substr", "substr(text, start, count)", "the characters from `start` on, which counts from 0"),
    word("number", "number(x)", "the number that a text spells; 0 or 1 for a truth value"),
    word("text", "text(x)", "the text of a number or a truth value"),
    word("if", "if(condition, then, otherwise)", "one of the two; only that one is computed"),
    word("dp", "dp(\"address\")", "the last value of another datapoint; a new value there does not make the route run"),
    word("matches", "matches(text, \"pattern\")", "whether a regular expression is found in the text"),
];

/// What each step of a transform does, in the order of [`crate::transform::steps`], which says how they are written.
const STEP_HELP: [(&str, &str); 29] = [
    ("scale", "the number times the factor"),
    ("offset", "the number plus another one"),
    ("round", "the number rounded; without digits to a whole one"),
    ("clamp", "the number, or the bound that it is beyond"),
    ("invert", "the other truth value, or the number with the other sign"),
    ("map", "what is written for the value; without `else` a value that is not there is an error"),
    ("bit", "a bit of a whole number, from 0 to 63"),
    ("bool", "a truth value: of 0 and 1, and of the texts true, false, on, off"),
    ("int", "a whole number: of a float without a fraction, a truth value, a text that spells one"),
    ("float", "a float: of a number, a truth value, a text that spells one"),
    ("text", "a text: of everything but null"),
    ("json", "what is at this place of a JSON document"),
    ("expr", "what the expression gives; `value` is what the step before made"),
    ("template", "a text with {value}, {quality}, {reason}, {source}, {tag}, {time}"),
    ("on_change", "only what differs from what passed before"),
    ("deadband", "only what differs by so much or more, or by such a part, from what passed before"),
    ("throttle", "the first value at once, then the newest one at the end of each such time"),
    ("debounce", "a value that has stood for this time"),
    ("hysteresis", "true from the upper bound on, false from the lower one on"),
    ("delta", "the difference to the sample before"),
    ("rate", "the difference for each second, or for each such time"),
    ("integrate", "the sum over time: a number that stands for such a time counts once"),
    ("avg", "the mean over such a time, weighted by time"),
    ("min", "the smallest number that stood in such a time"),
    ("max", "the largest number that stood in such a time"),
    ("sum", "the sum of the samples that came in such a time"),
    ("count", "how many samples came in such a time"),
    ("median", "the median of the samples that came in such a time"),
    ("last", "what stands at the end of such a time"),
];

/// The steps of a transform.
pub fn steps() -> impl Iterator<Item = Word> {
    crate::transform::steps().map(|(name, usage)| {
        let help = STEP_HELP.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| help);
        Word { name, usage, help }
    })
}

/// What stands in a target for a part of the source's address.
pub fn placeholders() -> impl Iterator<Item = &'static str> {
    crate::pattern::placeholders()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression;

    #[track_caller]
    fn check(words: impl Iterator<Item = Word>, known: impl Iterator<Item = &'static str>) {
        let words: Vec<Word> = words.collect();
        assert_eq!(words.iter().map(|word| word.name).collect::<Vec<_>>(), known.collect::<Vec<_>>());
        for word in words {
            assert!(word.usage.starts_with(word.name) && word.help.len() > 5, "{word:?}");
        }
    }

    #[test]
    fn an_editor_knows_the_words_of_the_compiler_and_no_others() {
        check(VARIABLES.into_iter(), expression::variables());
        check(FUNCTIONS.into_iter(), expression::functions());
        check(steps(), crate::transform::steps().map(|(name, _)| name));
    }
}
