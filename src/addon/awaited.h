// A function of JavaScript that is called once when something is done elsewhere; the event loop goes on until then.
#ifndef LINUX_NS_ADDON_AWAITED_H
#define LINUX_NS_ADDON_AWAITED_H

#include <napi.h>

#include <initializer_list>

#include "environment.h"
#include "throw.h"

namespace linux_ns {

// It stays with its environment: a reference to JavaScript may not be dropped on another thread.
using Awaited = std::list<Napi::FunctionReference>::iterator;

inline Awaited Await(Environment *environment, Napi::Function function) {
  environment->awaited.push_front(Napi::Persistent(function));
  environment->KeepAlive(1);
  return environment->awaited.begin();
}

// On the environment's own thread: takes the function out, so that it is awaited no longer.
inline Napi::FunctionReference TakeAwaited(Environment *environment, Awaited awaited) {
  Napi::FunctionReference function = std::move(*awaited);
  environment->awaited.erase(awaited);
  environment->KeepAlive(-1);
  return function;
}

// The same, and calls the function. Needs a HandleScope around it.
inline void CallAwaited(Environment *environment, Awaited awaited, std::initializer_list<napi_value> arguments) {
  Napi::FunctionReference function = TakeAwaited(environment, awaited);
  function.MakeCallback(function.Env().Global(), arguments);
  TellUncaught(function.Env());
}

} // namespace linux_ns

#endif
