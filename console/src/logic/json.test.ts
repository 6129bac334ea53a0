import { expect, test } from "vitest";
import { jsonTokens, objectProblem, prettyJson, rawMember } from "./json";

test("numbers beyond a double's precision are shown as they are", () => {
  const text = '{"id":12345678901234567890.10,"list":[1,[],{}],"text":"a\\"b: {","none":null}';
  expect(prettyJson(text)).toBe(
    '{\n  "id": 12345678901234567890.10,\n  "list": [\n    1,\n    [],\n    {}\n  ],\n  "text": "a\\"b: {",\n  "none": null\n}',
  );
  expect(prettyJson("<script>alert(1)</script>")).toBeUndefined();
});

test("tokens together are the text, and keys are told from strings", () => {
  const text = '{"a": "x: 1", "b": [-1.5e3, true]}';
  const tokens = jsonTokens(text);
  expect(tokens.map(token => token.text).join("")).toBe(text);
  expect(tokens.filter(token => token.kind).map(token => [token.kind, token.text])).toEqual([
    ["key", '"a"'],
    ["string", '"x: 1"'],
    ["key", '"b"'],
    ["number", "-1.5e3"],
    ["word", "true"],
  ]);
});

test("a member is cut out byte for byte, wherever it stands", () => {
  const body = '{"n": 1.00, "s":"}\\"", "body": {"deep":[1 , 2]}}';
  expect(rawMember(`{"id":"1","body":${body},"z":[{"body":0}]}`, "body")).toBe(body);
  expect(rawMember(` { "a" : 1 , "body" : null }`, "body")).toBe("null");
  expect(rawMember('{"a":"body"}', "body")).toBeUndefined();
  expect(rawMember("[1]", "body")).toBeUndefined();
});

test("only an object is an object", () => {
  expect(objectProblem("{}")).toBeNull();
  for (const text of ["[]", "null", "1", '"x"']) expect(objectProblem(text)).toBe("not an object");
  expect(objectProblem("{")).toMatch(/JSON/);
});
