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
    let inside = folder.canonicalize().map_err(|cause| {
        format!("the template folder `{}` cannot be read: {cause}", folder.display())
    })?;
    let mut files = Vec::new();
    for path in paths {
        // A link may point to another file of the folder, as mounted configs do.
        if path.canonicalize().is_ok_and(|real| !real.starts_with(&inside)) {
            return Err(format!(
                "the template `{}` is a link that leads out of the folder: put the file itself there",
                path.display()
            ));
        }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::model::NotifierKind;

    #[test]
    fn a_link_may_lead_within_the_folder_and_not_out_of_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("templates");
        std::fs::create_dir_all(folder.join("console")).unwrap();
        let text = "{{headline}}";
        std::fs::write(folder.join("console/one.text.hbs"), text).unwrap();
        std::fs::write(root.path().join("outside"), text).unwrap();
        symlink("one.text.hbs", folder.join("console/two.text.hbs")).unwrap();
        let linked = root.path().join("linked");
        symlink(&folder, &linked).unwrap();

        let (within, problems) = load_templates(Some(&linked)).unwrap();
        symlink("../../outside", folder.join("console/three.text.hbs")).unwrap();
        let out = load_templates(Some(&folder)).unwrap_err();

        assert!(problems.is_empty() && within.has(NotifierKind::Console, "two"));
        assert!(out.contains("three.text.hbs` is a link that leads out of the folder"), "{out}");
    }

    #[test]
    fn a_folder_that_leads_out_is_no_way_round() {
        let root = tempfile::tempdir().unwrap();
        let (folder, outside) = (root.path().join("templates"), root.path().join("outside"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("one.text.hbs"), "{{headline}}").unwrap();
        symlink(&outside, folder.join("console")).unwrap();

        assert!(load_templates(Some(&folder)).unwrap_err().contains("leads out of the folder"));
    }
}
