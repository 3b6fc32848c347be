#include "environment.h"

#include <unistd.h>

namespace linux_ns {

int Environment::Create(Napi::Env env) {
  Environment *environment = new Environment(env);
  int error = environment->Open();
  if (error != 0) {
    environment->ending_ = true;
    environment->handles_ == 0 ? delete environment : environment->CloseHandles();
    return error;
  }
  napi_set_instance_data(env, environment, nullptr, nullptr);
  napi_add_async_cleanup_hook(env, OnCleanup, environment, &environment->hook_);
  return 0;
}

Environment *Environment::Of(Napi::Env env) {
  void *data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<Environment *>(data);
}

// The loop of a Worker may have no descriptor left for it.
int Environment::Open() {
  if (napi_get_uv_event_loop(env_, &loop_) != napi_ok) {
    return UV_EINVAL;
  }
  int error = poller_.Create();
  if (error != 0) {
    return error;
  }
  error =
      uv_async_init(loop_, &async_, [](uv_async_t *async) { static_cast<Environment *>(async->data)->RunPosted(); });
  if (error != 0) {
    return error;
  }
  uv_mutex_init(&mutex_);
  uv_cond_init(&job_done_);
  async_.data = this;
  HandleOpened();
  uv_unref(reinterpret_cast<uv_handle_t *>(&async_));
  return poller_.Start(this);
}

Napi::FunctionReference &Environment::Constructor(const char *name) { return constructors_[name]; }

void Environment::Add(Closable *closable) { open_.insert(closable); }

void Environment::Remove(Closable *closable) { open_.erase(closable); }

bool Environment::IsOpen(Closable *closable) const { return open_.count(closable) > 0; }

void Environment::Adopt(int fd) { descriptors_.insert(fd); }

void Environment::Disown(int fd) { descriptors_.erase(fd); }

void Environment::Post(std::function<void()> done) {
  uv_mutex_lock(&mutex_);
  queue_.push_back(std::move(done));
  uv_async_send(&async_);
  uv_mutex_unlock(&mutex_);
}

void Environment::RunPosted() {
  std::vector<std::function<void()>> queue;
  uv_mutex_lock(&mutex_);
  queue.swap(queue_);
  uv_mutex_unlock(&mutex_);
  for (std::function<void()> &done : queue) {
    done();
  }
}

void Environment::KeepAlive(int change) {
  keep_alive_ += change;
  uv_handle_t *handle = reinterpret_cast<uv_handle_t *>(&async_);
  keep_alive_ > 0 ? uv_ref(handle) : uv_unref(handle);
}

void Environment::JobSubmitted() {
  uv_mutex_lock(&mutex_);
  jobs_++;
  uv_mutex_unlock(&mutex_);
}

void Environment::JobDone() {
  uv_mutex_lock(&mutex_);
  jobs_--;
  uv_cond_signal(&job_done_);
  uv_mutex_unlock(&mutex_);
}

// Launches that are under way take a few milliseconds. Leaving before their end would leave their processes.
void Environment::AwaitJobs() {
  uv_mutex_lock(&mutex_);
  while (jobs_ > 0) {
    uv_cond_wait(&job_done_, &mutex_);
  }
  queue_.clear();
  uv_mutex_unlock(&mutex_);
}

void Environment::OnCleanup(napi_async_cleanup_hook_handle, void *data) {
  Environment *environment = static_cast<Environment *>(data);
  Napi::HandleScope scope(environment->env_);
  environment->ending_ = true;
  for (Closable *closable : environment->open_) {
    closable->CallOff();
  }
  environment->AwaitJobs();
  while (!environment->open_.empty()) {
    (*environment->open_.begin())->Shut();
  }
  for (int fd : environment->descriptors_) {
    close(fd);
  }
  environment->awaited.clear();
  environment->constructors_.clear();
  environment->CloseHandles();
}

// The second was not opened if it could not be.
void Environment::CloseHandles() {
  bool both = handles_ > 1;
  uv_close(reinterpret_cast<uv_handle_t *>(&async_),
           [](uv_handle_t *handle) { static_cast<Environment *>(handle->data)->HandleClosed(); });
  if (both) {
    poller_.Close();
  }
}

void Environment::HandleClosed() {
  handles_--;
  if (!ending_ || handles_ > 0) {
    return;
  }
  uv_mutex_destroy(&mutex_);
  uv_cond_destroy(&job_done_);
  napi_async_cleanup_hook_handle hook = hook_;
  delete this;
  if (hook != nullptr) {
    napi_remove_async_cleanup_hook(hook);
  }
}

} // namespace linux_ns
