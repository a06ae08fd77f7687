//! Rebuilds the program when the knowledge that it embeds changes.

fn main() {
    println!("cargo::rerun-if-changed=knowledge");
}
