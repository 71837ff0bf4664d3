"use strict";
// A relay's: whoever the mail is for, the next server knows.
exports.hook_rcpt = (next) => next(OK);
