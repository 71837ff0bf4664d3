// Sends one message with nodemailer: STARTTLS, then login by password, or by token where there is
// one.  The settings come as JSON on stdin: subject and text, or the whole message as `raw`.
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";

const given = JSON.parse(readFileSync(0, "utf8"));
const transport = nodemailer.createTransport({
  host: given.host,
  port: given.port,
  secure: false,
  requireTLS: true,
  tls: { ca: readFileSync(given.caFile), minVersion: "TLSv1.2" },
  auth: given.accessToken
    ? { type: "OAuth2", user: given.user, accessToken: given.accessToken }
    : { user: given.user, pass: given.password },
});
const sent = await transport.sendMail(
  given.raw
    ? { envelope: { from: given.user, to: given.recipients }, raw: given.raw }
    : { from: given.user, to: given.recipient, subject: given.subject, text: given.text },
);
console.log(sent.response);
