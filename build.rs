//! Rebuilds the program when what it embeds changes: the knowledge, and the cases of its rules.

fn main() {
    println!("cargo::rerun-if-changed=knowledge");
    println!("cargo::rerun-if-changed=fixtures/rules");
}
