// SPDX-License-Identifier: Apache-2.0
// Compiling kernels with the host compiler, and taking turns among the threads
// of a block.
#include "Emulator.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <mutex>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

namespace weft::emulator {

static constexpr char kEmulated[] =
#include "Emulated.inc"
    ;

namespace {

// ---- stacks -----------------------------------------------------------------

constexpr size_t kStackBytes = 128 << 10;

/// A place where execution stopped. Switching by hand costs a few nanoseconds;
/// swapcontext, which asks the kernel for the signal mask, about a hundred
/// times that, and it is the way on other processors.
#if defined(__x86_64__)
using Context = void *;

extern "C" void weft_emulator_switch(Context *from, Context to);
asm(R"(
  .text
  .globl weft_emulator_switch
  .hidden weft_emulator_switch
  .type weft_emulator_switch, @function
weft_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size weft_emulator_switch, . - weft_emulator_switch
)");

void switchTo(Context &from, Context &to) { weft_emulator_switch(&from, to); }

/// A context that starts `entry` on `stack`; `entry` never returns.
void prepare(Context &context, char *stack, void (*entry)()) {
  auto *top = reinterpret_cast<void **>(stack + kStackBytes);
  *--top = nullptr; // where `entry` would return to; keeps its stack aligned
  *--top = reinterpret_cast<void *>(entry);
  context = top - 6; // the registers that the switch restores
  std::fill_n(static_cast<void **>(context), 6, nullptr);
}
#else
using Context = ucontext_t;

void switchTo(Context &from, Context &to) { swapcontext(&from, &to); }

void prepare(Context &context, char *stack, void (*entry)()) {
  getcontext(&context);
  context.uc_stack = {.ss_sp = stack, .ss_flags = 0, .ss_size = kStackBytes};
  context.uc_link = nullptr;
  makecontext(&context, entry, 0);
}
#endif

// ---- threads of a block -----------------------------------------------------

/// Mirrors weft_emulator::State of Emulated.inc.
struct State {
  Size thread, block, blockSize, gridSize;
  void (*barrier)();
  unsigned long long (*exchange)(unsigned, unsigned long long, int);
  unsigned char *shared;
  void (*clusterBarrier)();
  unsigned char *(*sharedOf)(unsigned);
  void (*copy)(void *, const void *, int);
  void (*commit)();
  void (*waitForCopies)(int);
  void (*initBarrier)(unsigned long long *, int);
  void (*arrive)(unsigned long long *, int);
  void (*waitAt)(unsigned long long *, int);
  void (*bulkCopy)(void *, const void *, const int *, const unsigned short *,
                   unsigned long long *);
  void (*bulkStore)(const void *, const int *, const void *);
  void (*waitForStores)();
};

/// What lies in the eight bytes of a barrier.
struct Barrier {
  uint16_t pending, arrivals : 15, parity : 1;
  int32_t bytes;

  void turnOverIfComplete() {
    if (pending > 0 || bytes != 0)
      return;
    pending = arrivals;
    parity ^= 1;
  }
};
static_assert(sizeof(Barrier) == 8);

Barrier &barrierAt(unsigned long long *memory) {
  return *reinterpret_cast<Barrier *>(memory);
}

constexpr int kMaxRank = 5;

/// What lies in an EncodedTensorMap.
struct Map {
  char *data;
  int64_t strides[kMaxRank]; // in bytes
  int32_t sizes[kMaxRank], box[kMaxRank];
  int16_t lower[3], upper[3];
  uint8_t steps[3], rank, elementBytes;
  bool isWindow, isSwizzled;
};
static_assert(sizeof(Map) <= sizeof(EncodedTensorMap));

/// A copy by the tensor memory accelerator.
struct BulkCopy {
  Map map{};
  int32_t at[kMaxRank] = {};
  uint16_t tap[3] = {};
  unsigned char *shared = nullptr;
  Barrier *barrier = nullptr; // null: from shared memory to the tensor

  int32_t lines() const {
    int32_t lines = 1;
    for (int i = 1; i < (map.isWindow ? 2 : map.rank); ++i)
      lines *= map.box[i];
    return lines;
  }
  int32_t elementBytes() const { return map.elementBytes; }
  int32_t bytes() const { return lines() * map.box[0] * elementBytes(); }

  /// Where line `line` starts; null if it lies outside.
  char *start(int32_t line) const {
    char *from = map.data;
    for (int i = 1; i < map.rank; ++i) {
      int64_t index = at[i];
      if (!map.isWindow) {
        index += line % map.box[i];
        line /= map.box[i];
      } else if (i + 1 < map.rank) {
        // Positions from `lower` to the last one, in steps.
        int step = map.steps[i - 1], lower = map.lower[i - 1];
        int count = (map.sizes[i] - 1 + map.upper[i - 1] - lower) / step + 1;
        int position = (at[i] - lower) / step + line;
        index = lower + position % count * step + tap[i - 1];
        line = position / count;
      } else {
        index += line;
      }
      if (index < 0 || index >= map.sizes[i])
        return nullptr;
      from += index * map.strides[i];
    }
    return from;
  }

  void run() const {
    for (int32_t line = 0; line < lines(); ++line) {
      char *tensor = start(line);
      for (int i = 0; i < map.box[0]; ++i) {
        auto address = reinterpret_cast<uintptr_t>(
            shared + (line * map.box[0] + i) * elementBytes());
        if (map.isSwizzled)
          address ^= (address >> 7 & 7) << 4;
        bool inside = tensor && at[0] + i >= 0 && at[0] + i < map.sizes[0];
        move(reinterpret_cast<char *>(address),
             inside ? tensor + int64_t{at[0] + i} * elementBytes() : nullptr);
      }
    }
    if (!barrier)
      return;
    barrier->bytes -= bytes();
    barrier->turnOverIfComplete();
  }

  /// One element; what lies outside is zero and stays as it is.
  void move(char *here, char *there) const {
    auto size = static_cast<size_t>(elementBytes());
    if (!barrier && there)
      std::memcpy(there, here, size);
    else if (barrier && there)
      std::memcpy(here, there, size);
    else if (barrier)
      std::memset(here, 0, size);
  }
};

/// To shared memory; of zeros where `from` is null.
struct Copy {
  void *to;
  const void *from;
  int bytes;
};

struct Thread {
  enum class Phase : uint8_t {
    fresh,
    ready,
    atBarrier,
    atClusterBarrier,
    inWarp,
    atTurn,
    done
  };
  Phase phase = Phase::fresh;
  Context context;
  char *stack = nullptr;
  unsigned mask = 0;                // of the warp function it is in
  const Barrier *barrier = nullptr; // it waits at, for the turn of `parity`
  int parity = 0;
  // What it brought to this warp function and to the one before: a fast lane
  // may be one function ahead of a slow one, never two.
  std::array<unsigned long long, 2> brought{};
  unsigned turn = 0;
  std::deque<std::vector<Copy>> groups; // under way, the oldest first
  std::vector<Copy> started;            // of no group yet
  std::vector<BulkCopy> stores;         // to memory, under way
};

/// Runs the clusters of one launch, threads of all its blocks in turn; there is
/// one launch at a time in the process.
class Launch {
public:
  Launch(void (*call)(void *const *), void *const *arguments, Size grid,
         Size block, uint32_t sharedBytes, uint32_t clusterBlocks,
         BulkCopies copies)
      : call_(call), arguments_(arguments), copies_(copies),
        blockThreads_(size_t{block.x} * block.y * block.z) {
    state_.gridSize = grid;
    state_.blockSize = block;
    state_.barrier = [] { current().wait(Thread::Phase::atBarrier); };
    state_.clusterBarrier = [] {
      current().wait(Thread::Phase::atClusterBarrier);
    };
    state_.sharedOf = [](unsigned number) { return current().shared(number); };
    state_.copy = [](void *to, const void *from, int bytes) {
      current().thread().started.push_back({to, from, bytes});
    };
    state_.commit = [] {
      Thread &thread = current().thread();
      thread.groups.push_back(std::move(thread.started));
      thread.started.clear();
    };
    state_.waitForCopies = [](int groups) { current().finishCopies(groups); };
    state_.initBarrier = [](unsigned long long *barrier, int arrivals) {
      auto count = static_cast<uint16_t>(arrivals);
      barrierAt(barrier) = {count, count, 0, 0};
    };
    state_.arrive = [](unsigned long long *barrier, int bytes) {
      --barrierAt(barrier).pending;
      barrierAt(barrier).bytes += bytes;
      barrierAt(barrier).turnOverIfComplete();
    };
    state_.waitAt = [](unsigned long long *barrier, int parity) {
      current().thread().barrier = &barrierAt(barrier);
      current().thread().parity = parity;
      current().wait(Thread::Phase::atTurn);
    };
    state_.bulkCopy = [](void *to, const void *map, const int *at,
                         const unsigned short *tap,
                         unsigned long long *barrier) {
      current().start(to, map, at, tap, barrier);
    };
    state_.bulkStore = [](const void *map, const int *at, const void *from) {
      current().startStore(map, at, from);
    };
    state_.waitForStores = [] { current().finishStores(); };
    state_.exchange = [](unsigned mask, unsigned long long value, int source) {
      return current().exchange(mask, value, source);
    };
    threads_.resize(blockThreads_ * clusterBlocks);
    // A tile's layout follows from its address: a multiple of 1024.
    sharedStride_ = (sharedBytes / 1024 + 1) * 1024;
    memory_.resize(sharedStride_ * clusterBlocks + 1024);
    active = this;
  }
  ~Launch() { active = nullptr; }

  State *state() { return &state_; }

  /// An empty string, or what the device would not do, or what the threads wait
  /// for. `block` is the first of the cluster.
  std::string runCluster(Size block) {
    first_ = block;
    // Half floats of these bits are NaN: nothing may rely on fresh memory.
    std::fill(memory_.begin(), memory_.end(), 0xff);
    for (Thread &thread : threads_)
      thread = Thread();
    bulkCopies_.clear();
    while (true) {
      for (now_ = 0; now_ < threads_.size(); ++now_)
        if (threads_[now_].phase <= Thread::Phase::ready)
          resume();
      if (count(Thread::Phase::done) == threads_.size())
        return failure_;
      if (!release())
        return describe();
    }
  }

private:
  static Launch &current() { return *active; }

  Thread &thread() { return threads_[now_]; }

  /// Runs the current thread until it waits or returns.
  void resume() {
    auto [x, y, z] = state_.blockSize;
    auto i = static_cast<uint32_t>(now_ % blockThreads_);
    auto number = static_cast<uint32_t>(now_ / blockThreads_);
    state_.thread = {i % x, i / x % y, i / x / y};
    state_.block = {first_.x + number, first_.y, first_.z};
    state_.shared = shared(number);
    if (thread().phase == Thread::Phase::fresh) {
      thread().stack = takeStack();
      prepare(thread().context, thread().stack, &Launch::enter);
    }
    thread().phase = Thread::Phase::ready;
    switchTo(scheduler_, thread().context);
    if (thread().phase == Thread::Phase::done)
      freeStacks().push_back(thread().stack);
  }

  static void enter() {
    current().call_(current().arguments_);
    current().wait(Thread::Phase::done);
  }

  void wait(Thread::Phase phase) {
    thread().phase = phase;
    switchTo(thread().context, scheduler_);
  }

  unsigned long long exchange(unsigned mask, unsigned long long value,
                              int source) {
    unsigned turn = thread().turn++ % 2;
    thread().brought[turn] = value;
    thread().mask = mask;
    wait(Thread::Phase::inWarp);
    size_t block = now_ / blockThreads_ * blockThreads_;
    size_t from =
        block + (now_ - block) / 32 * 32 + static_cast<size_t>(source);
    return from < block + blockThreads_ ? threads_[from].brought[turn] : value;
  }

  void start(void *to, const void *map, const int *at,
             const unsigned short *tap, unsigned long long *barrier) {
    constexpr int alignment = 16;
    BulkCopy &copy = bulkCopies_.emplace_back(bulkCopy(map, at, to));
    int64_t offset = int64_t{copy.at[0]} * copy.elementBytes();
    if (offset % alignment != 0 && failure_.empty())
      failure_ = "a bulk copy starts " + std::to_string(offset) +
                 " bytes into a line, not at a multiple of " +
                 std::to_string(alignment);
    if (tap)
      std::copy_n(tap, copy.map.rank - 2, copy.tap);
    copy.barrier = &barrierAt(barrier);
    while (copies_ == BulkCopies::soon && !bulkCopies_.empty()) {
      bulkCopies_.front().run();
      bulkCopies_.pop_front();
    }
  }

  BulkCopy bulkCopy(const void *map, const int *at, const void *shared) {
    constexpr int alignment = 128;
    BulkCopy copy;
    auto offset = static_cast<const unsigned char *>(shared) - state_.shared;
    if (offset % alignment != 0 && failure_.empty())
      failure_ = "a bulk copy is " + std::to_string(offset) +
                 " bytes into shared memory, not a multiple of " +
                 std::to_string(alignment);
    std::memcpy(&copy.map, map, sizeof(Map));
    std::copy_n(at, copy.map.rank, copy.at);
    copy.shared =
        const_cast<unsigned char *>(static_cast<const unsigned char *>(shared));
    return copy;
  }

  /// The device stores no tile that starts before its tensor, and none of a
  /// window whose positions reach beyond it: these are illegal instructions.
  void startStore(const void *map, const int *at, const void *from) {
    BulkCopy copy = bulkCopy(map, at, from);
    bool isInside = true;
    for (int i = 0; i < copy.map.rank; ++i)
      isInside &= copy.at[i] >= 0;
    for (int i = 0; copy.map.isWindow && i + 2 < copy.map.rank; ++i)
      isInside &= copy.map.lower[i] >= 0 && copy.map.upper[i] <= 0;
    if (!isInside && failure_.empty())
      failure_ = "a bulk store starts before the tensor, or its positions "
                 "reach beyond it";
    thread().stores.push_back(copy);
  }

  /// All that this thread stored.
  void finishStores() {
    for (const BulkCopy &store : thread().stores)
      store.run();
    thread().stores.clear();
  }

  unsigned char *shared(unsigned number) {
    auto start = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + (1024 - start % 1024) + number * sharedStride_;
  }

  /// All copies of this thread but for the last `groups` groups.
  void finishCopies(int groups) {
    auto &all = thread().groups;
    for (; all.size() > static_cast<size_t>(groups); all.pop_front())
      for (const Copy &copy : all.front())
        if (copy.from)
          std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
        else
          std::memset(copy.to, 0, static_cast<size_t>(copy.bytes));
  }

  /// Lets go on who has all the company he waits for. False: nobody.
  bool release() {
    bool released = false;
    for (size_t block = 0; block < threads_.size(); block += blockThreads_) {
      for (size_t i = 0; i < blockThreads_; i += 32)
        released |= releaseWarp(block + i, block + blockThreads_);
      released |= releaseAll(Thread::Phase::atBarrier, block, blockThreads_);
    }
    for (Thread &thread : threads_)
      if (thread.phase == Thread::Phase::atTurn &&
          thread.barrier->parity != thread.parity) {
        thread.phase = Thread::Phase::ready;
        released = true;
      }
    if (released ||
        releaseAll(Thread::Phase::atClusterBarrier, 0, threads_.size()))
      return true;
    if (bulkCopies_.empty())
      return false;
    bulkCopies_.front().run();
    bulkCopies_.pop_front();
    return true;
  }

  /// Lets `count` threads go on if all of them are in `phase`.
  bool releaseAll(Thread::Phase phase, size_t first, size_t count) {
    auto begin = threads_.begin() + static_cast<ptrdiff_t>(first);
    auto end = begin + static_cast<ptrdiff_t>(count);
    if (!std::all_of(begin, end,
                     [&](const Thread &t) { return t.phase == phase; }))
      return false;
    std::for_each(begin, end,
                  [](Thread &t) { t.phase = Thread::Phase::ready; });
    return true;
  }

  bool releaseWarp(size_t warp, size_t blockEnd) {
    size_t end = std::min(warp + 32, blockEnd);
    unsigned here = 0;
    for (size_t i = warp; i < end; ++i)
      if (threads_[i].phase == Thread::Phase::inWarp)
        here |= 1u << (i - warp);
    unsigned exist = end - warp == 32 ? ~0u : (1u << (end - warp)) - 1;
    bool released = false;
    for (size_t i = warp; i < end; ++i) {
      unsigned wanted = threads_[i].mask & exist;
      if ((here >> (i - warp) & 1) && (wanted & here) == wanted) {
        threads_[i].phase = Thread::Phase::ready;
        released = true;
      }
    }
    return released;
  }

  size_t count(Thread::Phase phase) const {
    return static_cast<size_t>(
        std::count_if(threads_.begin(), threads_.end(),
                      [&](const Thread &t) { return t.phase == phase; }));
  }

  std::string describe() const {
    auto [x, y, z] = first_;
    std::ostringstream os;
    os << "threads wait for each other in block (" << x << ", " << y << ", "
       << z << "): "
       << count(Thread::Phase::atBarrier) +
              count(Thread::Phase::atClusterBarrier) +
              count(Thread::Phase::atTurn)
       << " at a barrier, " << count(Thread::Phase::inWarp)
       << " in a warp function, " << count(Thread::Phase::done) << " returned";
    // The stacks of threads that will never go on can be used again.
    for (const Thread &thread : threads_)
      if (thread.phase != Thread::Phase::done)
        freeStacks().push_back(thread.stack);
    return os.str();
  }

  static std::vector<char *> &freeStacks() {
    static auto *stacks = new std::vector<char *>;
    return *stacks;
  }
  static char *takeStack() {
    if (freeStacks().empty())
      return static_cast<char *>(std::aligned_alloc(64, kStackBytes));
    char *stack = freeStacks().back();
    freeStacks().pop_back();
    return stack;
  }

  static inline Launch *active = nullptr;

  void (*call_)(void *const *);
  void *const *arguments_;
  const BulkCopies copies_;
  size_t blockThreads_, sharedStride_ = 0;
  Size first_;                        // block of the cluster
  std::vector<unsigned char> memory_; // dynamic shared, of all its blocks
  State state_{};
  std::vector<Thread> threads_;
  std::deque<BulkCopy> bulkCopies_; // under way
  std::string failure_;             // what the device would not do
  size_t now_ = 0;
  Context scheduler_;
};

// ---- compilation ------------------------------------------------------------

/// A folder of its own that goes away with its content.
class Folder {
public:
  Folder() {
    const char *base = std::getenv("TMPDIR");
    path_ = std::string(base ? base : "/tmp") + "/weft-emulator-XXXXXX";
    if (!mkdtemp(path_.data()))
      path_.clear();
  }
  ~Folder() {
    for (const std::string &file : files_)
      unlink(file.c_str());
    if (!path_.empty())
      rmdir(path_.c_str());
  }

  bool ok() const { return !path_.empty(); }
  std::string file(const std::string &name) {
    return files_.emplace_back(path_ + "/" + name);
  }

private:
  std::string path_;
  std::deque<std::string> files_;
};

std::string read(const std::string &path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// One call of the host compiler.
struct Unit {
  std::string source, object, log;
  pid_t process = -1;

  bool start() {
    // InstCombine of LLVM 19 makes `x >= 0 ? |x| : 0` of `|x| == 0 ? |x| :
    // |x| > 0 ? |x| : 0`, which relu of abs is here. (On a GPU the larger of
    // two floats is an instruction.) So clang must not know what fabs is.
    std::vector<std::string> words = {WEFT_HOST_COMPILER,
                                      "-std=c++20",
                                      "-O1",
                                      "-w",
                                      "-fPIC",
                                      "-shared",
                                      "-o",
                                      object,
                                      "-nostdinc++",
                                      "-fno-exceptions",
                                      "-fno-builtin-fabs",
                                      "-fno-builtin-fabsf",
                                      "-ffp-contract=off",
                                      source};
    std::vector<char *> argv;
    for (std::string &word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, log.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int failed = posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(),
                              environ);
    posix_spawn_file_actions_destroy(&actions);
    return !failed;
  }

  bool finish() const {
    int status = 0;
    return waitpid(process, &status, 0) == process && status == 0;
  }
};

/// A distinct text: kernel `number` of the library, unless it does not compile.
struct Text {
  size_t number;
  std::string name, text, log;
};

/// The texts of one unit, each in a namespace of its own. Line numbers in the
/// compiler's messages are those of the text, after `kernel<number>:`.
void write(const std::string &path, const std::vector<Text> &texts, size_t unit,
           size_t numUnits) {
  std::ofstream out(path);
  out << kEmulated;
  for (const Text &text : texts) {
    if (!text.log.empty() || text.number % numUnits != unit)
      continue;
    std::string kernel = "kernel" + std::to_string(text.number);
    out << "namespace " << kernel << " {\n#line 1 \"" << kernel << "\"\n"
        << text.text << "\n}\nextern \"C\" void weft_" << kernel
        << "(void *const *arguments) {\n  weft_emulator::call(" << kernel
        << "::" << text.name << ", arguments);\n}\n";
  }
}

/// Gives each text the lines of the log that speak of it. False: there are
/// none.
bool distributeLog(const std::string &log, std::vector<Text> &texts) {
  bool found = false;
  std::istringstream lines(log);
  Text *current = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (size_t number; std::sscanf(line.c_str(), "kernel%zu:", &number) == 1 &&
                       number < texts.size())
      current = &texts[number];
    if (!current)
      continue;
    found = true;
    current->log += line + "\n";
  }
  return found;
}

/// The units that hold all texts without a log; fails with the whole log.
StatusOr<std::vector<Unit>> compileUnits(Folder &folder,
                                         const std::vector<Text> &texts) {
  const size_t numUnits = texts.size() > 8 ? 2 : 1;
  std::vector<Unit> units;
  for (size_t i = 0; i < numUnits; ++i) {
    std::string name = "unit" + std::to_string(i);
    units.push_back({folder.file(name + ".cpp"), folder.file(name + ".so"),
                     folder.file(name + ".log")});
    write(units[i].source, texts, i, numUnits);
  }
  size_t started = 0;
  while (started < numUnits && units[started].start())
    ++started;
  bool finished = started == numUnits;
  std::string log;
  for (size_t i = 0; i < started; ++i)
    if (!units[i].finish()) {
      finished = false;
      log += read(units[i].log);
    }
  if (!finished)
    return internal_error(log);
  return units;
}

} // namespace

EncodedTensorMap encode(const TensorMap &map, void *data) {
  Map fields{};
  fields.data = static_cast<char *>(data) + map.offset;
  fields.rank = static_cast<uint8_t>(map.sizes.size());
  fields.elementBytes = static_cast<uint8_t>(size_in_bytes(map.dtype));
  fields.isWindow = map.isWindow();
  fields.isSwizzled = map.isSwizzled();
  std::copy(map.strides.begin(), map.strides.end(), fields.strides + 1);
  std::copy(map.sizes.begin(), map.sizes.end(), fields.sizes);
  std::copy(map.box.begin(), map.box.end(), fields.box);
  std::copy(map.lower.begin(), map.lower.end(), fields.lower);
  std::copy(map.upper.begin(), map.upper.end(), fields.upper);
  std::copy(map.steps.begin(), map.steps.end(), fields.steps);
  EncodedTensorMap result{};
  std::memcpy(&result, &fields, sizeof fields);
  return result;
}

StatusOr<std::unique_ptr<Library>>
Library::compile(std::span<const Source> sources) {
  std::map<std::string, size_t> numbers;
  std::vector<Text> texts;
  for (const Source &source : sources)
    if (numbers.try_emplace(source.text, texts.size()).second)
      texts.push_back({texts.size(), source.name, source.text, ""});

  Folder folder;
  if (!folder.ok())
    return unavailable_error("emulator: cannot make a temporary folder");
  StatusOr<std::vector<Unit>> units = compileUnits(folder, texts);
  // Once more without those that the compiler refused.
  if (!units.ok() &&
      distributeLog(std::string(units.status().message()), texts))
    units = compileUnits(folder, texts);
  if (!units.ok())
    return internal_error("emulator: host compiler failed: " WEFT_HOST_COMPILER
                          "\n" +
                          std::string(units.status().message()));

  std::unique_ptr<Library> library(new Library);
  for (const Unit &unit : *units) {
    void *handle = dlopen(unit.object.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      return internal_error(std::string("emulator: cannot load kernels: ") +
                            dlerror());
    library->units_.push_back(handle);
  }
  for (const Source &source : sources) {
    const Text &text = texts[numbers.at(source.text)];
    Kernel &kernel = library->kernels_.emplace_back();
    kernel.name = source.name;
    kernel.log = text.log;
    kernel.unit = text.number % units->size();
    const char *cluster = std::strstr(text.text.c_str(), ") WEFT_CLUSTER(");
    if (cluster)
      std::sscanf(cluster, ") WEFT_CLUSTER(%u)", &kernel.clusterBlocks);
    if (kernel.log.empty())
      kernel.call = reinterpret_cast<void (*)(void *const *)>(
          dlsym(library->units_[kernel.unit],
                ("weft_kernel" + std::to_string(text.number)).c_str()));
  }
  return library;
}

Library::~Library() {
  for (void *unit : units_)
    dlclose(unit);
}

Status Library::launch(size_t index, Size grid, Size block,
                       std::span<void *const> arguments, uint32_t sharedBytes,
                       BulkCopies copies) const {
  static std::mutex oneAtATime;
  std::lock_guard lock(oneAtATime);
  const Kernel &kernel = kernels_[index];
  if (!kernel.call)
    return internal_error("emulator: " + kernel.name + ": does not compile:\n" +
                          kernel.log);
  Launch launch(kernel.call, arguments.data(), grid, block, sharedBytes,
                kernel.clusterBlocks, copies);
  auto **state =
      static_cast<State **>(dlsym(units_[kernel.unit], "weft_emulator_state"));
  *state = launch.state();
  for (uint32_t z = 0; z < grid.z; ++z)
    for (uint32_t y = 0; y < grid.y; ++y)
      for (uint32_t x = 0; x < grid.x; x += kernel.clusterBlocks)
        if (std::string why = launch.runCluster({x, y, z}); !why.empty())
          return internal_error("emulator: " + kernel.name + ": " + why);
  return {};
}

} // namespace weft::emulator
