//! What the texts that Windows' tools print have in common.
//!
//! Labels are translated, so nothing here knows one: a value is what stands behind the first colon, and a version is
//! told by its own shape.

use crate::fact::Issue;

/// The lines of `text` that surely are whole. A last line without an end may be cut, and a cut number is a wrong one.
pub(super) fn whole<'a>(text: &'a str, issues: &mut Vec<Issue>) -> &'a str {
    let (whole, rest) = text.split_at(text.rfind('\n').map_or(0, |end| end + 1));
    // The prompt behind the last command is no loss.
    if !rest.trim().is_empty() && !rest.trim_end().ends_with('>') {
        let detail = "the text does not end with a line end, so its last line may be cut and is not used; copy or \
                      export it again";
        issues.push(Issue::loss("text-truncated", detail, None));
    }
    whole
}

/// Whether `line` begins with a blank.
pub(super) fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// The label and the value of a line, trimmed: what stands before and behind its first colon.
pub(super) fn labelled(line: &str) -> Option<(&str, &str)> {
    let (label, value) = line.split_once([':', '：'])?;
    Some((label.trim(), value.trim()))
}

/// The build in a version as systeminfo and msinfo32 print it, `10.0.17763 N/A Build 17763`: the number is there twice,
/// with words of any language between.
pub(super) fn version(value: &str) -> Option<u32> {
    let (first, rest) = value.trim().split_once(' ')?;
    let number = first.splitn(3, '.').nth(2)?;
    let again = rest.split_whitespace().next_back()?;
    (number == again && (4..=5).contains(&number.len())).then(|| number.parse().ok())?
}

/// A list that says how long it is and is shorter.
pub(super) fn incomplete(what: &str, stated: u64, listed: u64) -> Issue {
    let detail = format!(
        "the text says that there are {stated} {what} and lists {listed}, so what is not listed proves nothing; ask for \
         the whole output"
    );
    Issue::loss("list-incomplete", detail, Some(stated.saturating_sub(listed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_by_its_shape() {
        for value in [
            "10.0.17763 N/A Build 17763",
            "10.0.17763 Nicht zutreffend Build 17763",
            "10.0.17763 N/A ビルド 17763",
            " 10.0.17763 Build 17763 ",
        ] {
            assert_eq!(version(value), Some(17763), "{value}");
        }
        for value in
            ["10.0.17763", "10.0.17763 Build 1776", "HP U30, 5/6/2019", "1.2.3 3", "10.0.x7763 x7763"]
        {
            assert_eq!(version(value), None, "{value}");
        }
    }

    #[test]
    fn a_last_line_without_an_end_is_left_out() {
        let mut issues = Vec::new();
        assert_eq!(whole("a\r\nb", &mut issues), "a\r\n");
        assert_eq!(issues.len(), 1);
        assert_eq!(whole("a\n  ", &mut issues), "a\n");
        assert_eq!((whole("", &mut issues), issues.len()), ("", 1));
        assert_eq!((whole("a\nPS C:\\> ", &mut issues), issues.len()), ("a\n", 1));
    }

    #[test]
    fn labels_end_at_the_first_colon() {
        assert_eq!(labelled("Correctif(s) : 3: a"), Some(("Correctif(s)", "3: a")));
        assert_eq!(labelled("主机名：HV01"), Some(("主机名", "HV01")));
        assert_eq!(labelled("nothing"), None);
    }
}
