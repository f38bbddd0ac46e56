// tsc that stays up: `node tsc.js TYPESCRIPT OPTION...`. On stdin come programs, each after its length; each is
// answered on stdout by the exit code, the lengths of what tsc says and of the JavaScript, and both. Twelve zeros
// say that it is up. The declarations of the standard library are parsed and bound once, as the language service of
// editors does, and checked where the program declares something of theirs again: only there can they get a fault.
"use strict";
const fs = require("node:fs");
const ts = require(process.argv[2]);

const SOURCE = "main.ts";
const { options, fileNames, errors } = ts.parseCommandLine([...process.argv.slice(3), SOURCE]);
if (errors.length) throw new Error(errors.map((each) => each.messageText).join("\n"));

const library = new Map();
const host = ts.createCompilerHost(options);
const read = host.getSourceFile;
host.getSourceFile = (name, ...rest) => {
  if (!name.startsWith(host.getDefaultLibLocation())) return read(name, ...rest);
  if (!library.has(name)) library.set(name, read(name, ...rest));
  return library.get(name);
};

/** Whether a program declares a name of the standard library. */
function again(main) {
  const declared = [...main.locals.keys()];
  return main.text.includes("global") || [...library.values()].some((file) => declared.some((name) => file?.locals?.has(name)));
}

function compile() {
  const made = new Map();
  host.writeFile = (name, text) => made.set(name, text);
  const program = ts.createProgram(fileNames, options, host);
  const main = program.getSourceFile(SOURCE);
  let found = program.getSyntacticDiagnostics();
  if (!found.length) found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  if (!found.length) {
    const whole = again(main);
    const checked = program.getSourceFiles().filter((file) => whole || !library.has(file.fileName));
    found = checked.flatMap((file) => program.getSemanticDiagnostics(file));
  }
  const emitted = program.emit(main); // of all files, it would check all again
  found = ts.sortAndDeduplicateDiagnostics([...found, ...emitted.diagnostics]);
  const code = !found.length ? 0 : emitted.emitSkipped ? 1 : 2;
  return [code, ts.formatDiagnostics(found, host), made.get("main.js") ?? ""];
}

function receive(length) {
  const content = Buffer.alloc(length);
  for (let had = 0; had < length; ) {
    const came = fs.readSync(0, content, had, length - had, null);
    if (!came) process.exit(0);
    had += came;
  }
  return content;
}

function send(content) {
  for (let sent = 0; sent < content.length; ) sent += fs.writeSync(1, content, sent);
}

fs.writeFileSync(SOURCE, "");
compile();
send(Buffer.alloc(12));
for (;;) {
  fs.writeFileSync(SOURCE, receive(receive(4).readUInt32BE()));
  const [code, said, made] = compile();
  const texts = [Buffer.from(said), Buffer.from(made)];
  const head = Buffer.alloc(12);
  head.writeInt32BE(code);
  texts.forEach((text, k) => head.writeUInt32BE(text.length, 4 + 4 * k));
  send(Buffer.concat([head, ...texts]));
}
