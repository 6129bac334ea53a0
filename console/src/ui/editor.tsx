//! The editor for JSON and templates. It is a module of its own, loaded when it is first needed.
import { closeBrackets } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, linter, lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useId, useRef } from "react";
import { useMessages } from "@/i18n";
import { nonce } from "@/shell/nonce";

const look = EditorView.theme({
  "&": {
    fontSize: "12.5px",
    backgroundColor: "var(--sunken)",
    borderRadius: "var(--radius)",
    border: "1px solid var(--line-strong)",
  },
  "&.cm-focused": { outline: "2px solid var(--accent-line)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "18px", maxHeight: "480px", minHeight: "160px" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--text-faint)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--calm-soft) 60%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)",
  },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)" },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent-text)" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
]);

const parsed = jsonParseLinter();

/** Nothing at all is no mistake: it means none. */
const jsonProblems = (view: EditorView): Diagnostic[] => (view.state.doc.toString().trim() === "" ? [] : parsed(view));

export interface EditorProblem {
  line: number;
  message: string;
}

export interface EditorProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  language: "json" | "template";
  disabled?: boolean;
  /** What the server found, at a line. */
  problems?: EditorProblem[];
}

export default function Editor({ label, value, onChange, language, disabled = false, problems }: EditorProps) {
  const m = useMessages();
  const hint = useId();
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useRef(onChange);
  const first = useRef(value);
  useEffect(() => {
    changed.current = onChange;
  });
  useEffect(() => {
    if (!place.current) return;
    const readOnly = new Compartment();
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          ...(nonce ? [EditorView.cspNonce.of(nonce)] : []),
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            "aria-label": label,
            tabindex: "0",
            // Where nothing can be written Tab leaves.
            ...(disabled ? {} : { "aria-describedby": hint }),
          }),
          readOnly.of(EditorState.readOnly.of(disabled)),
          ...(language === "json" ? [json(), linter(jsonProblems), lintGutter()] : [lintGutter()]),
          syntaxHighlighting(colours),
          look,
          // Tab indents; Escape, then Tab leaves: otherwise the keyboard would be caught.
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
          EditorView.updateListener.of(update => {
            if (update.docChanged) changed.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [label, language, disabled, hint]);
  useEffect(() => {
    const shown = view.current;
    if (shown && shown.state.doc.toString() !== value) {
      shown.dispatch({ changes: { from: 0, to: shown.state.doc.length, insert: value } });
    }
    first.current = value;
  }, [value]);
  useEffect(() => {
    const shown = view.current;
    if (!shown || !problems) return;
    const found = problems.map((problem): Diagnostic => {
      const line = shown.state.doc.line(Math.min(Math.max(problem.line, 1), shown.state.doc.lines));
      return { from: line.from, to: line.to, severity: "error", message: problem.message };
    });
    shown.dispatch(setDiagnostics(shown.state, found));
  }, [problems]);
  return (
    <div className="editor">
      <div ref={place} />
      {!disabled && (
        <p id={hint} className="field-hint editor-hint">
          {m.common.editorKeys}
        </p>
      )}
    </div>
  );
}
