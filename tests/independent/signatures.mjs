// Signatures by ethers: a case a line in (JSON), what ethers says of it a line out.
//
// A case: { commitment, chainId, contract, signature, key }, chainId as a decimal text.

import { createInterface } from "node:readline";

import { TypedDataEncoder, Wallet, verifyTypedData } from "ethers";

const TYPES = { Record: [{ name: "commitment", type: "bytes32" }] };

for await (const line of createInterface({ input: process.stdin })) {
  const { commitment, chainId, contract, signature, key } = JSON.parse(line);
  const domain = {
    name: "Civic Diary",
    version: "1",
    chainId: BigInt(chainId),
    verifyingContract: contract,
  };
  const message = { commitment };
  const wallet = new Wallet(key);
  const found = {
    signer: verifyTypedData(domain, TYPES, message, signature),
    digest: TypedDataEncoder.hash(domain, TYPES, message),
    separator: TypedDataEncoder.hashDomain(domain),
    address: wallet.address,
    signature: await wallet.signTypedData(domain, TYPES, message),
  };
  console.log(JSON.stringify(found));
}
