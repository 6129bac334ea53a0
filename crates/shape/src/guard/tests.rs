use postrider_core::shape::Syntax;

use crate::template::Template;

/// What tests and `range` take in parentheses is as plain without an event as what filters take.
#[test]
fn arguments_of_tests_and_of_range_are_checked_without_an_event() {
    for (template, line, column, words) in [
        ("{{ x is odd(1) }}", 1, 9, "`odd` takes nothing"),
        ("{{ x is defined(y) }}", 1, 9, "`defined` takes nothing"),
        ("{\n{% if x is divisibleby %}{% endif %}}", 2, 12, "`divisibleby` takes one value"),
        ("{{ x is not eq }}", 1, 13, "`eq` takes one value"),
        ("{{ x is eq(1, 2) }}", 1, 9, "`eq` takes one value"),
        ("{{ x is eq(other=2) }}", 1, 9, "`eq` has no `other`"),
        ("{{ x is divisibleby('3') }}", 1, 9, "a number other than 0"),
        ("{{ x is divisibleby(0) }}", 1, 9, "a number other than 0"),
        ("{{ x is divisibleby(2 - 2) }}", 1, 9, "a number other than 0"),
        ("{{ x is lt([1]) }}", 1, 9, "have no order"),
        ("{{ x is ge({}) }}", 1, 9, "have no order"),
        ("{{ x is in(1) }}", 1, 9, "a list, an object or a text"),
        ("{{ x | select('gt') | list }}", 1, 15, "`gt` takes one value"),
        ("{{ x | reject('even', 2) | list }}", 1, 15, "`even` takes nothing"),
        ("{{ x | selectattr('a', 'eq', 1, 2) | list }}", 1, 24, "`eq` takes one value"),
        ("{{ x | rejectattr('a', 'divisibleby', 'b') | list }}", 1, 24, "a number other than 0"),
        ("{{ x | map('upper', 1) | list }}", 1, 12, "`map` hands 1 on to `upper`, which takes no values"),
        ("{{ x | map('replace', 'a') | list }}", 1, 12, "which takes at least 2"),
        ("{{ x | map('split', ',', 1) | list }}", 1, 12, "which takes at most 1"),
        ("{{ range() }}", 1, 4, "one to three values"),
        ("{{ range(1, 2, 3, 4) }}", 1, 4, "one to three values"),
        ("{{ range(1, stop=2) }}", 1, 4, "`range` has no `stop`"),
        ("{\n {{ range('3') }}}", 2, 5, "whole numbers"),
        ("{{ range(1.5) }}", 1, 4, "whole numbers"),
        ("{{ range(none, 2) }}", 1, 4, "whole numbers"),
        ("{{ range(x, 10, 0) }}", 1, 4, "other than 0"),
        ("{{ range(-1, 100000) }}", 1, 4, "100,000 elements"),
    ] {
        let error = Template::compile(template, Syntax::Json).expect_err(template);
        assert!(error.message.contains(words), "{template}: {error}");
        assert_eq!((error.line(), error.column()), (Some(line), Some(column)), "{template}: {error}");
    }
    // What depends on the event is left to it, and so is what means something.
    for template in [
        "{{ x is divisibleby(y) }}",
        "{{ 9 is divisibleby 3 }}",
        "{{ x is eq none }}",
        "{{ x is lt(y) and x is in 'abc' and x is in([1]) and x is in({'a': 1}) }}",
        "{{ x | select | list }}",
        "{{ x | map('map', 'upper') | list }}",
        "{{ range(x, y, z) | list }}",
        "{{ range(0, 100000) | length }}",
        "{{ range(3, none, none) | list }}",
        "{{ range(10, 0, -1) | list }}",
        "{{ range(1000000000, x) | list }}",
    ] {
        Template::compile(template, Syntax::Json).expect(template);
    }
}

#[test]
fn an_offset_that_no_moment_has_is_refused_without_an_event() {
    for offset in ["+25:00", "-24:00", "+02:60", "02:00", "Paris"] {
        let template = format!("{{{{ x | date('iso', '{offset}') }}}}");
        let error = Template::compile(&template, Syntax::Json).expect_err(&template);
        assert!(error.message.contains("from -23:59 to +23:59"), "{template}: {error}");
    }
    for offset in ["'+23:59'", "'-23:59'", "'+02'", "'UTC'", "y"] {
        let template = format!("{{{{ x | date('iso', {offset}) }}}}");
        Template::compile(&template, Syntax::Json).expect(&template);
    }
}
