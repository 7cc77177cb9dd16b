//! The folder of the operator's own templates: read here, judged by `render`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::render::{TemplateFile, Templates};

/// What is wrong with one file: its path, its text, the problems.
pub type TemplateProblems = crate::render::FileProblems;

/// A template is far smaller than this; what is larger is refused by `render` unread.
const MOST_BYTES: u64 = 128 * 1024;

/// How deep the folder is read: `<type>/<file>`.
const DEPTH: usize = 2;

/// The built-in templates with those of `folder` over them. Files that do not end in `.hbs`
/// are left alone.
///
/// # Errors
/// Why the folder or a file cannot be read.
pub fn load_templates(folder: Option<&Path>) -> Result<(Templates, Vec<TemplateProblems>), String> {
    let Some(folder) = folder else { return Ok((Templates::builtin(), Vec::new())) };
    let mut paths = Vec::new();
    collect(folder, DEPTH, &mut paths).map_err(|(path, cause)| {
        format!("the template folder `{}` cannot be read: {cause}", path.display())
    })?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = read(&path).map_err(|cause| {
            format!("the template `{}` cannot be read: {cause}", path.display())
        })?;
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        files.push(TemplateFile { path: name, text });
    }
    Ok(Templates::with_overrides(files))
}

fn collect(
    folder: &Path,
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, std::io::Error)> {
    let failed = |cause| (folder.to_owned(), cause);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            if depth > 1 {
                collect(&path, depth - 1, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "hbs") {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
