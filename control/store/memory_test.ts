import { memoryStore } from "./memory.ts";
import { storeContract } from "./store_contract.ts";

storeContract("memoryStore", () => memoryStore({ epoch: "e1" }));
