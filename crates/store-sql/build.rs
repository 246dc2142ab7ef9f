//! Generates the lists of migrations for each database, so that a new file needs no further line.
//!
//! A file `NNNN_name.sql` applies to both databases: it names the types of columns in braces, and its tables
//! are `STRICT` in SQLite. If the databases need different statements, the number has two files,
//! `NNNN_name.sqlite.sql` and `NNNN_name.postgres.sql`.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

/// A database: its name in the names of files and lists, and its column types.
struct Dialect {
    name: &'static str,
    types: &'static [(&'static str, &'static str)],
    /// A `NOT NULL` flag with the default false. `?` stands for the column.
    flag: &'static str,
    /// The text that ends the definition of a table.
    table: &'static str,
}

const SQLITE: Dialect = Dialect {
    name: "sqlite",
    types: &[
        ("{id}", "BLOB"),
        ("{number}", "INTEGER"),
        ("{short}", "INTEGER"),
        ("{text}", "TEXT"),
        ("{bytes}", "BLOB"),
    ],
    flag: "INTEGER NOT NULL DEFAULT 0 CHECK (? IN (0, 1))",
    table: "\n) STRICT, WITHOUT ROWID;",
};

const POSTGRES: Dialect = Dialect {
    name: "postgres",
    types: &[
        ("{id}", "uuid"),
        ("{number}", "bigint"),
        ("{short}", "smallint"),
        ("{text}", "text COLLATE \"C\""),
        ("{bytes}", "bytea"),
    ],
    flag: "boolean NOT NULL DEFAULT false",
    table: "\n);",
};

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    let folder = fs::read_dir("migrations").expect("the folder of the migrations");
    let mut files = BTreeMap::new();
    for file in folder {
        let path = file.expect("a file").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in ASCII").to_owned();
        files.insert(name, fs::read_to_string(path).expect("a text"));
    }
    let lists = [SQLITE, POSTGRES].map(|dialect| {
        let name = dialect.name.to_uppercase();
        format!("/// The migrations.\npub const {name}: &[&str] = &{:#?};\n", dialect.migrations(&files))
    });
    let out = env::var_os("OUT_DIR").expect("cargo names the folder");
    fs::write(Path::new(&out).join("migrations.rs"), lists.concat()).expect("the lists are written");
}

impl Dialect {
    /// This database's migrations, in the order of their numbers.
    fn migrations(&self, files: &BTreeMap<String, String>) -> Vec<String> {
        let mut migrations = Vec::new();
        for (name, text) in files {
            let text = match name.split('.').collect::<Vec<_>>()[..] {
                [_, "sql"] => self.translated(name, text),
                [_, dialect, "sql"] if dialect == self.name => text.clone(),
                [_, "sqlite" | "postgres", "sql"] => continue,
                _ => panic!("migrations/{name} must end with .sql, .sqlite.sql or .postgres.sql"),
            };
            migrations.push(text);
            let number = format!("{:04}_", migrations.len());
            assert!(
                name.starts_with(&number),
                "migrations/{name} must begin with {number} for {}",
                self.name
            );
        }
        migrations
    }

    /// Translates a text for both databases to this one's dialect.
    fn translated(&self, name: &str, text: &str) -> String {
        let mut text = text.replace("\n);", self.table);
        for (word, column_type) in self.types {
            text = text.replace(word, column_type);
        }
        while let Some((before, rest)) = text.split_once("{flag ") {
            let (column, after) = rest.split_once('}').expect("a brace that closes");
            text = [before, &self.flag.replace('?', column), after].concat();
        }
        assert!(!text.contains('{'), "migrations/{name} names a type of column that is not known");
        text
    }
}
