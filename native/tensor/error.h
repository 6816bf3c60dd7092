// The one error type of the core: data first (code, op, facts), sentence second.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace descent {

// Codes are stable and reach TypeScript as DescentError.code:
//   shape dtype device argument index disposed autograd memory stop internal
class Error : public std::runtime_error {
 public:
  using Facts = std::vector<std::pair<std::string, std::string>>;

  // `sentence` comes without the op's name; what() is "op: sentence".
  Error(std::string code, std::string op, const std::string& sentence, Facts facts = {})
      : std::runtime_error(op.empty() ? sentence : op + ": " + sentence),
        code(std::move(code)),
        op(std::move(op)),
        facts(std::move(facts)) {}

  std::string code;
  std::string op;
  Facts facts;
};

}  // namespace descent
