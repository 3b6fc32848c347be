'use strict';
// Answers each message with the same.
process.on('message', (message) => process.send(message));
