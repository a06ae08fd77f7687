//! Values in values, as JSON and Clixml hold them, and the objects among them.

use super::{Record, Syntax, Value};

/// How deep objects lie in one another at most; `ConvertTo-Json` and `Export-Clixml` go two deep unless told.
pub(super) const MAX_DEPTH: usize = 32;

/// A value that may hold others.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Text(String),
    List(Vec<Tree>),
    /// What it prints as, and its properties.
    Object(String, Vec<(String, Tree)>),
}

impl Tree {
    /// Gives every object in it to `take`, an outer one before those inside.
    ///
    /// Those of one `section` were printed by one command.
    pub(super) fn records(self, line: u64, section: usize, syntax: Syntax, take: &mut dyn FnMut(&Record)) {
        self.walk((line, section), syntax, take, 0);
    }

    fn walk(self, place: (u64, usize), syntax: Syntax, take: &mut dyn FnMut(&Record), depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match self {
            Self::Text(_) => {}
            Self::List(items) => {
                items.into_iter().for_each(|item| item.walk(place, syntax, take, depth + 1));
            }
            Self::Object(_, properties) => {
                let values = properties.iter().map(|(name, tree)| (name.to_lowercase(), tree.value()));
                take(&Record::new(place.0, place.1, syntax, values.collect()));
                for (_, tree) in properties {
                    tree.walk(place, syntax, take, depth + 1);
                }
            }
        }
    }

    /// As the value of a property.
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::Text(text.clone()),
            Self::List(items) => Value::List(items.iter().map(Self::text).collect()),
            // PowerShell 5.1 wraps some arrays: {"value": [...], "Count": 2}.
            Self::Object(_, properties) => match property(properties, "value") {
                Some(list @ Self::List(_)) => list.value(),
                _ => match self.text() {
                    // It holds something, and nothing of it can be told: that is not null.
                    text if text.is_empty() && !properties.is_empty() => Value::List(vec![text]),
                    text => Value::Text(text),
                },
            },
        }
    }

    /// As one text: of an object its `Value` (of a SID, a date, an event), or what it prints as, or its `Name`; of a
    /// security descriptor its SDDL.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(items) => items.iter().map(Self::text).collect::<Vec<_>>().join(", "),
            Self::Object(printed, properties) => {
                if let Some(Self::Text(sddl)) = property(properties, "Sddl") {
                    return sddl.clone();
                }
                // What holds a single value prints as its type's name, such as the values of an event.
                if let Some(Self::Text(value)) = property(properties, "Value") {
                    return value.clone();
                }
                let named =
                    ["DistinguishedName", "Name"].iter().find_map(|name| match property(properties, name) {
                        Some(Self::Text(text)) if !text.is_empty() => Some(text.clone()),
                        _ => None,
                    });
                if printed.is_empty() { named.unwrap_or_default() } else { printed.clone() }
            }
        }
    }
}

fn property<'a>(properties: &'a [(String, Tree)], name: &str) -> Option<&'a Tree> {
    properties.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, tree)| tree)
}
