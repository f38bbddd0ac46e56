// Type-checks and compiles one program after the other in a process that stays warm.
//
// A request is an int, its length, and the source of main.ts. The answer is an int, the exit code of tsc, its
// messages, the number of files, and the name and content of each; texts and contents have their length before
// them. The declarations of the language are parsed once; every program is checked whole.

"use strict";

const fs = require("fs");
const path = require("path");

const [library, ...words] = process.argv.slice(2);
const ts = require(path.join(library, "lib", "typescript.js"));
const { options, errors } = ts.parseCommandLine(words);
if (errors.length) throw new Error(ts.flattenDiagnosticMessageText(errors[0].messageText, "\n"));

const parsed = new Map();
const main = "main.ts";

function compile(source) {
  const host = ts.createCompilerHost(options);
  const written = [];
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, version, ...others) => {
    if (path.basename(name) === main && path.dirname(path.resolve(name)) === process.cwd())
      return ts.createSourceFile(name, source, version, true);
    const key = path.resolve(name);
    if (!key.startsWith(library)) return read(name, version, ...others);
    if (!parsed.has(key)) parsed.set(key, read(name, version, ...others));
    return parsed.get(key);
  };
  const exists = host.fileExists.bind(host);
  host.fileExists = (name) => path.resolve(name) === path.resolve(main) || exists(name);
  host.writeFile = (name, content) => written.push([path.basename(name), content]);
  const program = ts.createProgram([main], options, host);
  const found = ts.getPreEmitDiagnostics(program);
  const emitted = program.emit();
  const all = ts.sortAndDeduplicateDiagnostics([...found, ...emitted.diagnostics]);
  const code = all.length === 0 ? 0 : emitted.emitSkipped ? 1 : 2; // as tsc ends
  return [code, ts.formatDiagnostics(all, host), written];
}

function readAll(count) {
  const content = Buffer.alloc(count);
  for (let have = 0; have < count; ) {
    const more = fs.readSync(0, content, have, count - have, null);
    if (more === 0) process.exit(0);
    have += more;
  }
  return content;
}

function sized(content) {
  const bytes = Buffer.from(content, "utf8");
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}

function number(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

for (;;) {
  const source = readAll(readAll(4).readUInt32BE(0)).toString("utf8");
  let answer;
  try {
    answer = compile(source);
  } catch (crash) {
    answer = [1, String(crash), []]; // as the command does, it fails
  }
  const [code, said, written] = answer;
  const parts = [number(code), sized(said), number(written.length)];
  for (const [name, content] of written) parts.push(sized(name), sized(content));
  const whole = Buffer.concat(parts);
  for (let sent = 0; sent < whole.length; ) sent += fs.writeSync(1, whole, sent);
}
