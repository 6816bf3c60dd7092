// References to JavaScript objects that are loosened and dropped later than they are let go.
#include "reference.h"

namespace descent::binding {

JsReference::JsReference(ReferenceQueue& queue, napi_value value) : queue_(queue), state_(new State()) {
  napi_create_reference(queue.env_, value, 0, &state_->reference);
}

JsReference::~JsReference() {
  state_->isDead = true;
  enqueue();
}

void JsReference::enqueue() {
  if (state_->isQueued) return;
  state_->isQueued = true;
  queue_.waiting_.push_back(state_);
}

void JsReference::hold() {
  state_->holds++;
  if (state_->isStrong || !queue_.env_) return;
  state_->isStrong = true;
  napi_reference_ref(queue_.env_, state_->reference, nullptr);
}

void JsReference::letGo() {
  if (--state_->holds == 0) enqueue();
}

napi_value JsReference::get() const {
  napi_value value = nullptr;
  if (queue_.env_) napi_get_reference_value(queue_.env_, state_->reference, &value);
  return value;
}

void ReferenceQueue::drainAll() {
  if (!env_) return;
  // What is done here may let more go.
  while (!waiting_.empty()) {
    JsReference::State* state = waiting_.back();
    waiting_.pop_back();
    state->isQueued = false;
    if (state->isDead) {
      napi_delete_reference(env_, state->reference);
      delete state;
    } else if (state->holds == 0 && state->isStrong) {
      state->isStrong = false;
      napi_reference_unref(env_, state->reference, nullptr);
    }
  }
}

}  // namespace descent::binding
