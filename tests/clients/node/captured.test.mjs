// A test of a program that sends mail, in Node: it sends by SMTP, and reads by the HTTP API what came
// of it.  `kairan demo` writes host, port, account and key into demo.json.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import nodemailer from "nodemailer";

const given = JSON.parse(process.env.KAIRAN_TEST);
const transport = () =>
  nodemailer.createTransport({
    host: given.host,
    port: given.port,
    requireTLS: true,
    tls: { ca: readFileSync(given.caFile) },
    auth: { user: given.user, pass: given.password },
  });
const mail = (subject) => ({
  from: given.user,
  to: given.recipient,
  subject,
  text: `The text of ${subject}`,
  html: `<p>The text of <b>${subject}</b></p>`,
  attachments: [{ filename: "pay.csv", content: "name,amount\n" }],
});

async function api(method, place, body) {
  const answer = await fetch(`${given.url}${place}`, {
    method,
    headers: { authorization: `Bearer ${given.apiKey}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${answer.status} ${await answer.clone().text()}`);
  return answer;
}

test("what the program sends is what arrives", async () => {
  const subject = `${given.marker}-arrives`;
  await transport().sendMail(mail(subject));
  const asked = new URLSearchParams({ subject, to: given.recipient, wait_seconds: "20" });
  const { messages } = await (await api("GET", `/v1/captured-mail?${asked}`)).json();
  assert.equal(messages.length, 1);
  const whole = await (await api("GET", `/v1/captured-mail/${messages[0].id}`)).json();
  assert.match(whole.text, /The text of/);
  assert.match(whole.html, /<b>/);
  const [attachment] = whole.attachments;
  assert.equal(attachment.name, "pay.csv");
  const octets = await api("GET", `/v1/captured-mail/${whole.id}/attachments/${attachment.number}`);
  assert.equal(await octets.text(), "name,amount\n");
});

test("the program meets the refusal that its test asks for", async () => {
  await api("POST", "/v1/faults", { address: given.recipient, answer: "recipient-unknown" });
  try {
    await assert.rejects(transport().sendMail(mail("refused")), (error) => {
      assert.equal(error.responseCode, 550);
      assert.match(error.response, /5\.1\.10/);
      return true;
    });
  } finally {
    await api("DELETE", `/v1/faults?address=${given.recipient}`);
  }
});

test("what a test has read it deletes", async () => {
  const removed = await (await api("DELETE", `/v1/captured-mail?subject=${given.marker}`)).json();
  assert.equal(removed.removed, 1);
});
