'use strict';

// A profile of seccomp as a hint asks for it: the one that a container has, and the system calls that the hint names.

/** The system calls that a hint about a filter names: those that it refuses, and those of what comes after. */
function callsAskedFor(hint = '') {
  const [, refused] = /^A seccomp filter .* refuses (.*?), as the default/.exec(hint) ?? [];
  const [, after] = /what comes after as well: (.*?)\./.exec(hint) ?? [];
  return refused === undefined
    ? []
    : [refused, after ?? ''].flatMap((names) => names.match(/\w+/g) ?? []).filter(isCall);
}

const isCall = (word) => word !== 'and' && word !== 'or';

/** Podman's profile also has rules that refuse calls: they are not for these any more. */
function withCalls(profile, names) {
  const others = profile.syscalls.map((rule) => ({
    ...rule,
    names: rule.names.filter((name) => !names.includes(name)),
  }));
  const left = others.filter((rule) => rule.names.length > 0);
  return { ...profile, syscalls: [...left, { names, action: 'SCMP_ACT_ALLOW', args: [] }] };
}

module.exports = { callsAskedFor, withCalls };
