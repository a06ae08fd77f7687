//! `Export-Clixml` ([MS-PSRP] 2.2.5).

use super::{EVENT_VALUE, EVENT_VALUES, Object, Value};
use crate::scenario::exports::culture::Exporter;
use crate::scenario::exports::escape;

/// What `Export-Clixml` writes.
#[must_use]
pub fn export_clixml(objects: &[Object], exporter: Exporter) -> String {
    let mut writer = Writer { out: String::new(), next: 0, types: Vec::new(), exporter };
    for object in objects {
        writer.object(object);
    }
    format!(
        "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\r\n{}</Objs>",
        writer.out
    )
}

struct Writer {
    out: String,
    next: usize,
    /// Lists of types that were written, which later objects refer to.
    types: Vec<String>,
    exporter: Exporter,
}

impl Writer {
    fn object(&mut self, object: &Object) {
        self.begin(None, object.types);
        self.line(&format!("<ToString>{}</ToString>", text(&object.printed)));
        self.properties("Props", &object.properties);
        self.properties("MS", &object.added);
        self.line("</Obj>");
    }

    fn properties(&mut self, part: &str, properties: &[(&'static str, Value)]) {
        if properties.is_empty() {
            return;
        }
        self.line(&format!("<{part}>"));
        for (name, value) in properties {
            self.property(name, value);
        }
        self.line(&format!("</{part}>"));
    }

    fn property(&mut self, name: &str, value: &Value) {
        let plain = |tag: &str, value: &str| format!("<{tag} N=\"{name}\">{value}</{tag}>");
        match value {
            Value::Nothing => self.line(&format!("<Nil N=\"{name}\" />")),
            Value::Text(value) => self.line(&plain("S", &text(value))),
            Value::Number(number) => self.line(&plain("I64", &number.to_string())),
            Value::Flag(flag) => self.line(&plain("B", if *flag { "true" } else { "false" })),
            Value::Time(time) => self.line(&plain("DT", &self.exporter.instant(*time))),
            Value::Day(day) => self.line(&plain("DT", &format!("{}T00:00:00", day.strftime("%Y-%m-%d")))),
            Value::Choice(choice, number) => {
                self.begin(Some(name), &["System.Enum", "System.ValueType", "System.Object"]);
                self.line(&format!("<ToString>{choice}</ToString>\r\n<I32>{number}</I32>\r\n</Obj>"));
            }
            Value::Sid(sid) => {
                self.begin(Some(name), &["System.Security.Principal.SecurityIdentifier", "System.Object"]);
                let domain = sid.rsplit_once('-').map_or("", |(domain, _)| domain);
                self.line(&format!(
                    "<ToString>{sid}</ToString>\r\n<Props>\r\n<I32 N=\"BinaryLength\">28</I32>\r\n\
                     <S N=\"AccountDomainSid\">{domain}</S>\r\n<S N=\"Value\">{sid}</S>\r\n</Props>\r\n</Obj>"
                ));
            }
            Value::Many(kind, values) => {
                self.begin(Some(name), &[kind, "System.Collections.CollectionBase", "System.Object"]);
                let items: String =
                    values.iter().map(|value| format!("<S>{}</S>\r\n", text(value))).collect();
                self.line(&format!("<LST>\r\n{items}</LST>\r\n</Obj>"));
            }
            Value::Values(values) => self.values(name, values),
            Value::Opaque(kind) => {
                self.begin(Some(name), &[kind, "System.Object"]);
                self.line(&format!("<ToString>{kind}</ToString>\r\n</Obj>"));
            }
        }
    }

    /// The values of an event: objects in a list.
    fn values(&mut self, name: &str, values: &[String]) {
        self.begin(Some(name), &[EVENT_VALUES, "System.Object"]);
        self.line("<LST>");
        for value in values {
            self.begin(None, &[EVENT_VALUE, "System.Object"]);
            self.line(&format!(
                "<ToString>{EVENT_VALUE}</ToString>\r\n<Props>\r\n<S N=\"Value\">{}</S>",
                text(value)
            ));
            self.line("</Props>\r\n</Obj>");
        }
        self.line("</LST>\r\n</Obj>");
    }

    /// The tag and the types of an object; types that were written before are referred to.
    fn begin(&mut self, name: Option<&str>, types: &[&str]) {
        let name = name.map_or_else(String::new, |name| format!("N=\"{name}\" "));
        let id = self.next;
        self.next += 1;
        self.line(&format!("<Obj {name}RefId=\"{id}\">"));
        let body: String = types.iter().map(|name| format!("<T>{}</T>\r\n", text(name))).collect();
        match self.types.iter().position(|own| *own == body) {
            Some(at) => self.line(&format!("<TNRef RefId=\"{at}\" />")),
            None => {
                self.line(&format!("<TN RefId=\"{}\">\r\n{body}</TN>", self.types.len()));
                self.types.push(body);
            }
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push_str("\r\n");
    }
}

/// Control characters are escaped as `_x000A_`, and an underscore that would begin such an escape as well.
fn text(text: &str) -> String {
    let escaped = text.replace("_x", "_x005F_x");
    let control = |letter: char| match letter {
        letter if letter.is_control() => format!("_x{:04X}_", u32::from(letter)),
        letter => letter.to_string(),
    };
    escape(&escaped.chars().map(control).collect::<String>())
}
