// One call of each family of kernels on the default device, small and with ragged sizes: what the memory checker looks at.

import { arange, cat, getDefaultDevice, manualSeed, nn, optim, randint, randn } from "descent";

manualSeed(1);
const { functional } = nn;
const total = [];
const both = (x) => {
  const sum = x.float().sum();
  sum.backward();
  total.push(sum.item());
};
const leaf = (...shape) => randn(shape).requiresGrad_();

for (const dtype of ["float32", "float16", "bfloat16"]) {
  const x = leaf(67, 45).to(dtype);
  both(x.matmul(leaf(45, 131).to(dtype)));
  both(functional.gelu(x.transpose(0, 1)).add(leaf(45, 1).to(dtype)));
  both(functional.softmax(x, 1).mul(functional.logSoftmax(x, 0)));
}
both(functional.conv2d(leaf(3, 5, 17, 13), leaf(7, 5, 3, 3), leaf(7), { padding: 1, stride: 2 }));
both(functional.maxPool2d(leaf(2, 3, 9, 11), 2));
both(functional.avgPool2d(leaf(2, 3, 9, 11), 3));
both(functional.layerNorm(leaf(33, 70), [70]));
both(new nn.BatchNorm2d(5).forward(leaf(4, 5, 6, 7)));
both(functional.embedding(randint(0, 11, [3, 7]), leaf(11, 19)));
both(
  functional.scaledDotProductAttention(leaf(2, 3, 37, 16), leaf(2, 3, 37, 16), leaf(2, 3, 37, 16), {
    isCausal: true,
  }),
);
both(functional.crossEntropy(leaf(21, 13), randint(0, 13, [21])));
both(functional.dropout(leaf(999), { p: 0.5 }));
both(leaf(19, 301).sort(1)[0]);
both(leaf(19, 301).topk(5)[0]);
both(leaf(19, 301).cumsum(1));
both(leaf(19, 30).gather(1, randint(0, 30, [19, 4])));
both(leaf(50, 3).indexSelect(0, arange(0, 50, 3, { dtype: "int64" })));
both(cat([leaf(4, 5), leaf(3, 5)], 0).amax(0));
both(new nn.LSTM(9, 17).forward(leaf(6, 5, 9))[0]);
const model = new nn.Sequential(new nn.Linear(30, 40), new nn.ReLU(), new nn.Linear(40, 3));
for (const optimizer of [
  new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
  new optim.AdamW(model.parameters(), { lr: 0.01 }),
]) {
  optimizer.zeroGrad();
  both(model.forward(randn([8, 30])));
  nn.utils.clipGradNorm_(model.parameters(), 1);
  optimizer.step();
}
console.log(
  `${total.length} calls on ${getDefaultDevice()}, ${total.filter(Number.isFinite).length} of them finite`,
);
