// Whom a watch for NaN and infinities tells: a function of JavaScript's, from within the call that made them.
#pragma once

#include <node_api.h>

#include <string>
#include <vector>

#include "../inspect/watch.h"

namespace descent::binding {

struct Environment;
class CallInfo;

class Watch final : public inspect::Watch {
 public:
  explicit Watch(Environment& environment) : environment_(environment) {}
  void setFunction(napi_value function);
  void close();
  // Not while somebody is told: ops that a debugger calls meanwhile are nobody's news.
  bool isArmed() const { return inspect::Watch::isArmed() && !isTelling_; }

  // Each tells what there is to tell, and gives whether it did. `values` of the call are the user's own
  // tensors.
  bool afterOp(const CallInfo& call, const Op& op, const Arguments& args, const Tensor* made, int count,
               bool isInPlace);
  bool afterValues(const Tensor& x, napi_value object);
  void afterCall();
  // What to stop at was changed from outside.
  void changed();

  void tell(const inspect::Hit& hit) override { tell(hit, {}, {}, {}); }
  // `inputs` and `outputs`: the user's own tensors, as far as there are any; made of the hit's otherwise.
  void tell(const inspect::Hit& hit, const std::vector<napi_value>& inputs,
            const std::vector<std::string>& names, const std::vector<napi_value>& outputs);

  uint32_t siteNow() override;

 private:
  napi_value tensors(const std::vector<Tensor>& tensors, const std::vector<napi_value>& own);

  Environment& environment_;
  napi_ref function_ = nullptr;
  bool isTelling_ = false;
};

}  // namespace descent::binding
