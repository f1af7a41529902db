// What a verb of the command line is: flags it declares, and a run that returns an exit code. CLI11 stays behind
// Arguments, so that one source pays for compiling it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace minnow::cli {

enum ExitCode {
  kExitOk = 0,
  kExitGateFailed = 1,
  kExitBadInput = 2,
  kExitUnsupported = 3,
  kExitLimit = 4,
  kExitInterrupted = 130
};
int exit_code(ErrorCode code);

class Arguments {
 public:
  struct Impl;
  explicit Arguments(Impl& impl) : impl_(impl) {}
  void positional(const char* name, std::string* target, const char* help, bool required = true);
  void positional(const char* name, std::vector<std::string>* target, const char* help, bool required = true);
  void flag(const char* names, bool* target, const char* help);
  // `value` stands for the value in the help: "N", "FILE".
  void option(const char* names, const char* value, std::string* target, const char* help);
  void option(const char* names, const char* value, std::vector<std::string>* target, const char* help);  // repeatable
  void option(const char* names, const char* value, int64_t* target, const char* help);
  void option(const char* names, const char* value, uint64_t* target, const char* help);
  void option(const char* names, const char* value, double* target, const char* help);

 private:
  Impl& impl_;
};

// Flags that every verb has.
struct CommonFlags {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string output;  // -o: the results go to this file instead of standard output
  int64_t threads = 1;
  uint64_t seed = 0;
  Limits limits;
};

class Verb {
 public:
  virtual ~Verb() = default;
  virtual const char* summary() const = 0;
  virtual const char* example() const = 0;
  virtual void declare(Arguments& arguments) = 0;
  // An exit code, or the error to print.
  virtual Result<int> run() = 0;
  CommonFlags common;
};

// Parses argv and runs the verb it names.
struct VerbRow {
  const char* name;
  std::unique_ptr<Verb> (*make)();
};
int run_command_line(int argc, char** argv, const std::vector<VerbRow>& verbs);

}  // namespace minnow::cli
