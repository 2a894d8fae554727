//! networks
#![allow(missing_docs, unused, clippy::all, clippy::pedantic)]
#[derive(Debug,Clone)] pub struct Layer{pub name:&'static str,pub width:usize}
#[derive(Debug,Clone)] pub struct NetworkCard{pub name:&'static str,pub input:u32,pub resize:u32,pub layers:&'static [Layer],pub weights_file:&'static str}
pub const NETWORKS:&[NetworkCard]=&[NetworkCard{name:"efficientnet-lite0",input:224,resize:256,layers:&[Layer{name:"penultimate",width:1280}],weights_file:"efficientnet-lite0-57934424.pth"}];
#[derive(Debug,Clone,Copy,PartialEq)] pub enum Device{Auto,Cpu,Cuda(usize)}
impl std::str::FromStr for Device{type Err=String; fn from_str(s:&str)->Result<Self,String>{match s{"auto"=>Ok(Self::Auto),"cpu"=>Ok(Self::Cpu),_=>Err(String::new())}}}
impl std::fmt::Display for Device{fn fmt(&self,f:&mut std::fmt::Formatter<'_>)->std::fmt::Result{f.write_str(match self{Self::Auto=>"auto",Self::Cpu=>"cpu",_=>"cuda"})}}
pub mod worker { use super::*; use std::path::*;
 pub struct Request{pub network:String,pub layer:String,pub weights:PathBuf,pub device:Device,pub threads:usize}
 #[derive(Debug, thiserror::Error)] #[error("x")] pub struct WorkerError; impl WorkerError{pub fn is_bad_input(&self)->bool{true}}
 pub fn find_worker()->Result<PathBuf,WorkerError>{Err(WorkerError)}
 pub struct Worker; pub struct Sender; pub struct Receiver; pub struct Guard;
 pub fn start(p:&Path,r:&Request)->Result<Worker,WorkerError>{Err(WorkerError)}
 impl Worker{pub fn split(self)->(Sender,Receiver,Guard){(Sender,Receiver,Guard)}}
 impl Sender{pub fn send(&mut self,b:&[u8],n:usize)->Result<(),WorkerError>{Ok(())}}
 impl Receiver{pub fn receive(&mut self)->Result<Vec<f32>,WorkerError>{Err(WorkerError)}} }
