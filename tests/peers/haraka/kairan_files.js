"use strict";
// Takes mail for everybody and writes it down: N.eml is what came, N.json who it is for.  An .eml is
// whole if and only if its .json is there.
const fs = require("node:fs");

let count = 0;

exports.hook_rcpt = (next) => next(OK);

exports.hook_queue = (next, connection) => {
  const { message_stream, rcpt_to } = connection.transaction;
  const base = `${process.env.KAIRAN_MAIL}/${++count}`;
  const file = fs.createWriteStream(`${base}.eml`);
  file.on("finish", () => {
    fs.writeFileSync(`${base}.part`, JSON.stringify(rcpt_to.map((one) => one.address)));
    fs.renameSync(`${base}.part`, `${base}.json`);
    next(OK);
  });
  message_stream.pipe(file);
};
