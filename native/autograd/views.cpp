// In-place changes and views: what is written through one tensor becomes part of the history of all that show
// the same memory.
#include "autograd.h"
#include "node.h"

namespace descent {

namespace {

// Where a view lies in its base, which is contiguous.
struct Place {
  std::vector<int64_t> strides;
  int64_t offset;
};

Place placeOf(const Tensor& view, const Tensor& base) {
  const Geometry& geometry = view.geometry();
  return {{geometry.strides, geometry.strides + geometry.shape.dims},
          geometry.offset - base.geometry().offset};
}

// The history `view = asStrided(base)`.
void deriveFromBase(const Tensor& view, const Tensor& base) {
  const Place place = placeOf(view, base);
  Arguments args;
  args.push(base);
  args.push(view.shape());
  args.push(place.strides);
  args.push(place.offset);
  Ref<OpNode> node(new OpNode(ops::asStrided));
  node->addInputs(args);
  setHistory(view, node.get(), 0);
  view.impl()->viewVersion = view.version();
}

}  // namespace

void refreshView(const Tensor& x) {
  const TensorImpl* impl = x.impl();
  if (!impl->viewBase || impl->isQuietView || impl->viewVersion == x.version()) return;
  const Tensor base(impl->viewBase.get());
  // A leaf's history cannot have changed; nor can that of a base which still requires nothing.
  if (!base.requiresGrad() || isLeaf(base) || !base.isContiguous() || &base.storage() != &x.storage()) return;
  deriveFromBase(x, base);
}

void rebaseView(const Tensor& view, Node* change, int outputIndex) {
  const Tensor base(view.impl()->viewBase.get());
  // base = asStridedScatter(base as it was, the changed view)
  const Tensor changed = view.alias();
  setHistory(changed, change, outputIndex);
  const Place place = placeOf(view, base);
  Arguments args;
  args.push(base);
  args.push(changed);
  args.push(place.strides);
  args.push(place.offset);
  Ref<OpNode> node(new OpNode(ops::asStridedScatter));
  node->addInputs(args);
  setHistory(base, node.get(), 0);
  deriveFromBase(view, base);
}

}  // namespace descent
