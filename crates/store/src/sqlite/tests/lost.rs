//! Databases and directories that are gone: none is replaced by a new one, and nothing is written where nobody would find it.

use super::*;
use crate::{Inspected, inspect};

/// What happens to a directory.
type Lose<'a> = &'a dyn Fn(&Path);

/// A store that was used and killed: what it was given lies in the log.
async fn killed(directory: &Path, master_key: Option<MasterKey>) {
    let original = TempDir::new().unwrap();
    let engine = Sqlite::open(options(original.path(), master_key)).unwrap();
    engine.start(Arc::new(Told::to(channel().0)));
    let source = Source::new(webhook(&engine, "a secret").await);
    engine.accept(source.event(600).2).await.unwrap();
    for entry in fs::read_dir(original.path()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, directory.join(path.file_name().unwrap())).unwrap();
    }
}

fn inspected(directory: &Path, master_key: Option<MasterKey>) -> Result<Inspected, OpenError> {
    inspect(directory, master_key, Arc::new(SeededEntropy::new(7)))
}

#[tokio::test]
async fn a_database_that_is_gone_is_replaced_by_none_and_what_is_left_of_it_stays() {
    let remove = |file: &'static str| move |directory: &Path| fs::remove_file(directory.join(file)).unwrap();
    let empty = |file: &'static str| move |directory: &Path| drop(fs::File::create(directory.join(file)).unwrap());
    let both = |directory: &Path| {
        for file in [DATABASE_FILE, LOG_FILE] {
            fs::remove_file(directory.join(file)).unwrap();
        }
    };
    let (file, given) = (None, Some(key(1)));
    let cases: [(&str, Lose<'_>, &Option<MasterKey>, &[&str]); 7] = [
        ("no database", &remove(DATABASE_FILE), &file, &[LOG_FILE, KEY_FILE]),
        ("no database, key given", &remove(DATABASE_FILE), &given, &[LOG_FILE]),
        ("an empty one", &empty(DATABASE_FILE), &file, &[LOG_FILE, KEY_FILE]),
        ("an empty one, key given", &empty(DATABASE_FILE), &given, &[LOG_FILE]),
        ("a key alone", &both, &file, &[KEY_FILE]),
        ("a database that was in its log", &remove(LOG_FILE), &file, &[KEY_FILE]),
        ("a database that was in its log, which is empty", &empty(LOG_FILE), &file, &[KEY_FILE]),
    ];
    for (what, lose, master_key, expected) in cases {
        let directory = TempDir::new().unwrap();
        killed(directory.path(), master_key.clone()).await;
        lose(directory.path());
        let log = fs::read(directory.path().join(LOG_FILE)).ok();
        let refused = [
            inspected(directory.path(), master_key.clone()).map(drop),
            Sqlite::open(options(directory.path(), master_key.clone())).map(drop),
        ]
        .map(Result::unwrap_err);
        assert_eq!(refused[0].to_string(), refused[1].to_string(), "{what}");
        let OpenError::DatabaseLost { left, .. } = &refused[1] else { panic!("{what}: {:?}", refused[1]) };
        assert_eq!(*left, expected.iter().map(|file| directory.path().join(file)).collect::<Vec<_>>(), "{what}");
        if expected.contains(&LOG_FILE) {
            assert!(log.is_some() && fs::read(directory.path().join(LOG_FILE)).ok() == log, "{what}: the log is whole");
        }
        for file in left {
            fs::remove_file(file).unwrap();
        }
        assert_eq!(inspected(directory.path(), master_key.clone()).unwrap(), Inspected::New, "{what}");
        Sqlite::open(options(directory.path(), master_key.clone())).map(drop).expect(what);
    }
}

#[test]
fn a_first_start_that_broke_off_is_gone_on_with() {
    // As it is left before the database has its first page, before it has tables, before there is a key, and before the database knows
    // that there is.
    for made in 0..4 {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join(DATABASE_FILE);
        if made == 0 {
            fs::write(&path, "").unwrap();
        } else {
            let mut connection = connect::writer(&path).unwrap();
            if made > 1 {
                schema::migrate(&mut connection, &path, schema::MIGRATIONS).unwrap();
            }
            if made > 2 {
                MasterKey::generate(directory.path(), &SeededEntropy::new(7)).unwrap();
            }
        }
        assert!(inspected(directory.path(), None).is_ok(), "{made}");
        open(directory.path()).map_or_else(|error| panic!("{made}: {error}"), drop);
    }
}

#[tokio::test]
async fn nothing_is_accepted_into_files_that_nobody_will_find_until_they_are_back() {
    let folder = TempDir::new().unwrap();
    let (directory, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
    let (engine, _told) = started(&directory);
    let source = Source::new(webhook(&engine, "a secret").await);
    let until = async |accepted: Result<(), StoreError>| {
        for _ in 0..3_000 {
            if engine.accept(source.event(10).2).await.map(drop) == accepted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{accepted:?} does not come");
    };
    until(Ok(())).await;
    for is_replaced in [false, true] {
        fs::rename(&directory, &elsewhere).unwrap();
        if is_replaced {
            drop(open(&directory).unwrap());
        }
        until(Err(StoreError::Moved)).await;
        assert_eq!(engine.accept(AcceptBatch::default()).await.err(), Some(StoreError::Moved), "nor is it ready");
        let renamed = engine.rename_environment(source.webhook.environment_id, "New".into(), Actor::Control).await;
        assert_eq!(renamed.err(), Some(StoreError::Moved));
        if is_replaced {
            fs::remove_dir_all(&directory).unwrap();
        }
        fs::rename(&elsewhere, &directory).unwrap();
        until(Ok(())).await;
    }
}
